//! Arguments, configuration, [`App`], run.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use warren_control::{
    account::first_run,
    api_key,
    app::{App, Ground},
    audit,
    clock::Clock,
    config::{Config, LogFormat},
    db::Role,
    egg::{self, check::Tally},
    http,
    keys::{self, Init},
    mail, nats_check,
    node::token::{self, TokenAsk},
    run,
};
use warren_proto::ids::NodeId;

// A page of a list is thousands of small strings, which glibc's own costs much for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(
    name = "warren-control",
    version,
    about = "Warren's control: REST API, identity, wanted state"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the keys, nats.conf, certificates and the gateway's credential; safe to repeat.
    Init(InitArgs),
    /// Serves until SIGTERM.
    Serve(ConfigArg),
    /// Join tokens.
    #[command(subcommand)]
    Token(Token),
    /// The first admin.
    #[command(subcommand)]
    Admin(Admin),
    /// Asks the nats-servers in `nats_urls` whether they will do, and says what to change.
    NatsCheck(NatsCheckArgs),
    /// Egg files; needs neither database nor configuration.
    #[command(subcommand)]
    Eggs(Eggs),
    /// The log of all that was done.
    #[command(subcommand)]
    Audit(Audit),
    /// Mail to people.
    #[command(subcommand)]
    Mail(MailCommand),
    /// Prints the description of the REST API.
    Openapi,
}

#[derive(Subcommand)]
enum MailCommand {
    /// Sends a message to an address and says whether the server took it.
    Test(MailTest),
}

#[derive(Args)]
struct MailTest {
    #[command(flatten)]
    config: ConfigArg,
    /// To whom.
    address: String,
}

#[derive(Subcommand)]
enum Audit {
    /// Looks through the whole log for rows that were changed, taken out or put in: one line of JSON.
    ///
    /// Ends with 0 if there is none, else 1. Note `head` elsewhere: a log that is shorter later has been cut.
    Verify(ConfigArg),
}

#[derive(Subcommand)]
enum Eggs {
    /// Prints one line of JSON per file: path, ok, format, name, odd, refused.
    ///
    /// Ends with 0 if every file is an egg, 1 if one was refused, 2 if there was nothing to check.
    Check(CheckArgs),
}

#[derive(Args)]
struct CheckArgs {
    /// Files; folders for all .json, .yaml and .yml below them; - for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Subcommand)]
enum Admin {
    /// Makes the first admin and prints the password once; {"created":false} ever after.
    FirstRun(ConfigArg),
    /// Makes an API key of the oldest admin, for set-up scripts on this machine.
    ApiKey(ApiKeyArgs),
}

#[derive(Args)]
struct ApiKeyArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// What it is for.
    #[arg(long)]
    name: String,
    /// 30m, 1h, 7d.
    #[arg(long, default_value = "1h")]
    expires: String,
}

#[derive(Args)]
struct ConfigArg {
    /// Configuration file; every key is in config.default.toml.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Args)]
struct NatsCheckArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// The nats.conf that the servers should run with, for messages.
    #[arg(long)]
    nats_conf: Option<PathBuf>,
}

#[derive(Args)]
struct InitArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Overrides `data_dir`.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where nats.conf, certificates and nats-server's data go.
    #[arg(long)]
    nats_dir: PathBuf,
    /// host:port that nats-server listens on.
    #[arg(long, default_value = "127.0.0.1:4222")]
    nats_listen: String,
    /// host:port of nats-server's monitoring pages (loopback).
    #[arg(long)]
    nats_monitor: Option<String>,
    /// Name or address by which others reach nats-server; stands in its certificate. Turns TLS on.
    #[arg(long = "address")]
    addresses: Vec<String>,
    /// TLS even on loopback.
    #[arg(long)]
    nats_tls: bool,
    /// nats-server's program.
    #[arg(long, default_value = "nats-server")]
    nats_server: PathBuf,
}

#[derive(Subcommand)]
enum Token {
    /// Makes a join token and prints it.
    Create(TokenArgs),
}

#[derive(Args)]
struct TokenArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// How many machines may join with it.
    #[arg(long, default_value_t = 1)]
    uses: i64,
    /// 30m, 1h, 7d.
    #[arg(long, default_value = "1h")]
    expires: String,
    /// key=value; the node gets it.
    #[arg(long = "label")]
    labels: Vec<String>,
    /// Ports that servers on the node get.
    #[arg(long, default_value = "25565-25664")]
    port_range: String,
    /// Name of the node.
    #[arg(long, default_value = "")]
    name: String,
    /// Id of a node to take back, for a machine that lost its key; it keeps its labels and ports.
    #[arg(long, conflicts_with_all = ["uses", "labels", "port_range"])]
    node: Option<NodeId>,
    /// For an agent on this very machine.
    #[arg(long)]
    local: bool,
}

/// Each browser holds two sockets, and a login shell's soft limit of 1024 files would end all service at five
/// hundred of them.
fn raise_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    // Two providers could be linked in; this one is ours.
    drop(rustls::crypto::ring::default_provider().install_default());
    raise_open_files();
    match cli.command {
        Command::Init(args) => init(args).await,
        Command::Serve(arg) => serve(Config::load(arg.config.as_deref())?).await,
        Command::Token(Token::Create(args)) => token_create(args).await,
        Command::Admin(Admin::FirstRun(arg)) => first_admin(arg).await,
        Command::Admin(Admin::ApiKey(args)) => admin_key(args).await,
        Command::NatsCheck(args) => check_nats(args).await,
        Command::Eggs(Eggs::Check(args)) => return check_eggs(&args),
        Command::Audit(Audit::Verify(arg)) => return verify_audit(arg).await,
        Command::Mail(MailCommand::Test(args)) => test_mail(args).await,
        Command::Openapi => {
            print!("{}", http::openapi::json()?);
            Ok(())
        }
    }
    .map(|()| ExitCode::SUCCESS)
}

async fn test_mail(args: MailTest) -> Result<()> {
    let config = Config::load(args.config.config.as_deref())?;
    let ground = Ground::open(config, Role::Tool).await?;
    ground.mail.require()?;
    let letter = mail::writer(&ground, "", None).test();
    ground
        .mail
        .send(&args.address, &letter)
        .await
        .map_err(|why| anyhow::anyhow!("no mail to {}: {why}", args.address))?;
    println!("the server took a message to {}", args.address);
    Ok(())
}

fn check_eggs(args: &CheckArgs) -> Result<ExitCode> {
    let tally = match egg::check::check(&args.files, &mut io::stdout().lock()) {
        Ok(tally) => tally,
        // Whoever reads the lines has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::FAILURE),
        Err(error) => return Err(error).context("print the lines"),
    };
    let words = format!("{} files, {} refused\n", tally.files, tally.refused);
    // Nobody may be listening.
    drop(io::stderr().write_all(words.as_bytes()));
    Ok(match tally {
        Tally { files: 0, .. } => ExitCode::from(2),
        Tally { refused: 0, .. } => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn logging(config: &Config) -> Result<()> {
    use std::io::IsTerminal;
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log_filter)
        .context("configuration key `log_filter`")?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let json = match config.log_format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    if json {
        log.json().init()
    } else {
        log.init()
    }
    Ok(())
}

async fn serve(config: Config) -> Result<()> {
    logging(&config)?;
    let app = App::start(Ground::open(config, Role::Serve).await?).await?;
    let stop = CancellationToken::new();
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        stopping.cancel();
    });
    http::install_recorder();
    // Whichever ends first takes the other along: half a control helps nobody.
    let web = async {
        let ended = http::serve(app.clone(), stop.clone(), None).await;
        stop.cancel();
        ended
    };
    let bus = async {
        let ended = run::bus_side(app.clone(), stop.clone()).await;
        stop.cancel();
        ended
    };
    let (web, bus) = tokio::join!(web, bus);
    web.and(bus)
}

async fn first_admin(arg: ConfigArg) -> Result<()> {
    let ground = Ground::open(Config::load(arg.config.as_deref())?, Role::Tool).await?;
    let made = first_run::first_run(&ground).await?;
    println!("{}", serde_json::to_string(&made)?);
    Ok(())
}

async fn verify_audit(arg: ConfigArg) -> Result<ExitCode> {
    let ground = Ground::open(Config::load(arg.config.as_deref())?, Role::Tool).await?;
    let verdict = audit::chain::verify(&ground).await?;
    println!("{}", serde_json::to_string(&verdict)?);
    Ok(match verdict.ok {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

async fn admin_key(args: ApiKeyArgs) -> Result<()> {
    let ground = Ground::open(Config::load(args.config.config.as_deref())?, Role::Tool).await?;
    let expires_ms = seconds(&args.expires)?.saturating_mul(1000);
    let secret = api_key::service::for_script(&ground, &args.name, expires_ms).await?;
    println!("{}", serde_json::json!({"secret": secret.expose()}));
    Ok(())
}

async fn init(args: InitArgs) -> Result<()> {
    let mut config = Config::load(args.config.config.as_deref())?;
    if let Some(data) = args.data {
        config.data_dir = data;
    }
    let ask = Init {
        nats_dir: args.nats_dir,
        listen: args.nats_listen,
        monitor: args.nats_monitor,
        addresses: args.addresses,
        tls: args.nats_tls,
        nats_server: args.nats_server,
    };
    let made = keys::init(&config, &Clock::system(), &ask).await?;
    println!("{}", serde_json::to_string_pretty(&made)?);
    Ok(())
}

async fn check_nats(args: NatsCheckArgs) -> Result<()> {
    let config = Config::load(args.config.config.as_deref())?;
    let ground = Ground::open(config, Role::Tool).await?;
    for (url, version) in nats_check::check(&ground, args.nats_conf.as_ref()).await? {
        println!("{url}: nats-server {version}");
    }
    Ok(())
}

async fn token_create(args: TokenArgs) -> Result<()> {
    let ground = Ground::open(Config::load(args.config.config.as_deref())?, Role::Tool).await?;
    let mut labels = BTreeMap::new();
    for label in &args.labels {
        let (key, value) = label
            .split_once('=')
            .with_context(|| format!("--label {label:?}: write key=value"))?;
        labels.insert(key.to_owned(), value.to_owned());
    }
    let ask = TokenAsk {
        name: args.name,
        uses: args.uses,
        expires_in_s: seconds(&args.expires)?,
        labels,
        ports: ports(&args.port_range)?,
        node: args.node,
        local: args.local || token::node_urls(&ground, false).is_err(),
        ..TokenAsk::default()
    };
    println!("{}", token::create(&ground, &ask).await?.token);
    Ok(())
}

fn seconds(text: &str) -> Result<i64> {
    let (number, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => bail!("--expires {text:?}: write 30m, 1h or 7d"),
    };
    let number: i64 = number
        .parse()
        .with_context(|| format!("--expires {text:?}: write 30m, 1h or 7d"))?;
    Ok(number.saturating_mul(factor))
}

fn ports(text: &str) -> Result<(u16, u16)> {
    let parse = || {
        let (first, last) = text.split_once('-')?;
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    parse().with_context(|| format!("--port-range {text:?}: write first-last, like 25565-25664"))
}
