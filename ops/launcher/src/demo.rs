//! `--demo`: a real game server's image from Debian's packages, a registry that serves it, eggs
//! and servers made through the REST API.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::Command;
use warren_harness::{ImageBuilder, RegistryClient};

use crate::api::Api;
use crate::args::UpArgs;
use crate::conf;
use crate::instance::Instance;
use crate::part::{Part, Program};
use crate::report::Steps;
use crate::stack::{Stack, find, text};

/// Repository and tag of the demo's image; the tag is OpenTTD's version in Debian 12.
const REPO: &str = "warren-demo/openttd";
const TAG: &str = "13.0";
/// What the egg files say in place of the registry's real port.
const PLACEHOLDER: &str = "127.0.0.1:5000";
/// Longest time for building the image: it fetches about 90 MB of packages.
const BUILD: Duration = Duration::from_secs(900);
/// Longest time for an installation and a start.
const INSTALL: Duration = Duration::from_secs(180);

/// The public egg, unchanged, as it lies in the checkout.
const PUBLIC_EGG: &str = "egg/starter/pterodactyl__game-eggs/openttd/egg-open-t-t-d-server.json";

/// What `show` tells, kept in `demo.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Made {
    console: String,
    join: String,
    failing: String,
}

/// Sets the demo up; whatever is there already is left as it is.
///
/// # Errors
/// Names the step that failed.
pub async fn run(
    stack: &mut Stack,
    instance: &Instance,
    args: &UpArgs,
    steps: &mut Steps,
) -> Result<()> {
    steps.begin("image registry");
    registry(stack, instance, args).await?;
    steps.end("ready");

    steps.begin("demo image: OpenTTD from Debian's packages");
    let built = image(instance, args).await?;
    steps.end(if built {
        "built and pushed"
    } else {
        "there already"
    });

    steps.begin("demo eggs");
    let api = Api::new(args.port, args.public)?.with_key(api_key(instance, args).await?);
    let egg = eggs(&api, args).await?;
    steps.end("imported");

    steps.begin("demo servers");
    let made = servers(&api, args, &egg).await?;
    let text = serde_json::to_string_pretty(&made).context("write demo.json")?;
    fs::write(instance.data.join("demo.json"), text).context("write demo.json")?;
    steps.end("one runs, one failed to install on purpose");
    Ok(())
}

/// Prints how to look at the demo.
pub fn show(instance: &Instance) {
    let text = fs::read_to_string(instance.data.join("demo.json")).unwrap_or_default();
    let Ok(made) = serde_json::from_str::<Made>(&text) else {
        return;
    };
    println!("\nThe demo:\n");
    println!("  Console    {}", made.console);
    println!("             try: server_info, say hello, save demo");
    println!("  Join       openttd -n {}", made.join);
    println!(
        "             (Debian: apt-get install openttd; or in the game: Multiplayer, Add server)"
    );
    println!(
        "  Failing    {}  (shows \"install failed\" with its log)",
        made.failing
    );
}

async fn registry(stack: &mut Stack, instance: &Instance, args: &UpArgs) -> Result<()> {
    let conf = instance.conf_file("registry.yml");
    let text = format!(
        "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: true}}}}\nstorage:\n  \
         filesystem: {{rootdirectory: {}}}\nhttp:\n  addr: 127.0.0.1:{}\n",
        instance.data.join("demo/registry").display(),
        args.registry_port
    );
    fs::write(&conf, text).context("write registry.yml")?;
    let program = Program {
        name: "registry",
        binary: find("docker-registry", "docker-registry")?,
        args: vec!["serve".into(), conf.display().to_string()],
        grace: Duration::from_secs(5),
    };
    let part = Part::start(instance, program)?;
    let port = args.registry_port;
    let probe = || async move { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
    let ready = part.ready(Duration::from_secs(30), probe).await;
    stack.add(part);
    ready
}

/// Builds and pushes the image unless the registry has it; tells whether it did.
async fn image(instance: &Instance, args: &UpArgs) -> Result<bool> {
    let client = RegistryClient::new(args.registry_port, None);
    let asked = client.clone();
    if tokio::task::spawn_blocking(move || asked.has(REPO, TAG))
        .await
        .context("ask registry")?
    {
        return Ok(false);
    }
    let out = instance.data.join("demo/rootfs");
    rootfs(instance, args, &out).await?;
    tokio::task::spawn_blocking(move || push(&client, &out))
        .await
        .context("push the image")??;
    Ok(true)
}

async fn rootfs(instance: &Instance, args: &UpArgs, out: &Path) -> Result<()> {
    let log_path = instance.log_file("demo-image");
    let log = fs::File::create(&log_path).context("open the image's log")?;
    let err = log.try_clone().context("clone the log's handle")?;
    let status = Command::new(args.source_dir.join("ops/demo/rootfs"))
        .arg(out)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(err)
        .kill_on_drop(true)
        .status();
    let status = tokio::time::timeout(BUILD, status)
        .await
        .with_context(|| format!("the image was not built within {BUILD:?}"))?
        .context("run ops/demo/rootfs")?;
    if !status.success() {
        let text = fs::read_to_string(&log_path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(12)..].join("\n");
        bail!(
            "building the demo image failed ({status}):\n{tail}\n  (all of it: {})",
            log_path.display()
        );
    }
    Ok(())
}

fn push(client: &RegistryClient, out: &Path) -> Result<()> {
    let gzip = fs::read(out.join("layer.tar.gz")).context("read the layer")?;
    let diff_id = fs::read_to_string(out.join("diff-id")).context("read the layer's digest")?;
    let image = ImageBuilder::scratch()
        .packed_layer(&format!("sha256:{}", diff_id.trim()), gzip)?
        .env("HOME", "/home/container")
        .user("988:988")
        .workdir("/home/container")
        .cmd(["/bin/bash", "/entrypoint.sh"])
        .build()?;
    client.push(REPO, TAG, &image)?;
    // The registry has it now; a second copy of 90 MB serves nobody.
    drop(fs::remove_dir_all(out));
    Ok(())
}

/// A key of the first admin that ends within the hour. Made offline by control's own command: by
/// now the admin's password is known to nobody but the admin.
async fn api_key(instance: &Instance, args: &UpArgs) -> Result<String> {
    let mut command = Command::new(args.bin_dir.join("warren-control"));
    command
        .args(["admin", "api-key", "--config"])
        .arg(instance.conf_file("control.toml"));
    command.args(["--name", "ops-demo", "--expires", "1h"]);
    let answer: Value = serde_json::from_str(&text(command).await?).context("api-key")?;
    let secret = answer["secret"]
        .as_str()
        .context("control made no API key")?;
    Ok(secret.to_owned())
}

/// Ids of the two demo eggs.
struct Eggs {
    game: String,
    failing: String,
}

async fn eggs(api: &Api, args: &UpArgs) -> Result<Eggs> {
    let read = |path: &str| {
        let path = args.source_dir.join(path);
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    };
    let registry = format!("127.0.0.1:{}", args.registry_port);
    import(api, &read(PUBLIC_EGG)?)
        .await
        .context("the public OpenTTD egg")?;
    let game = read("ops/demo/egg-openttd-debian.json")?.replace(PLACEHOLDER, &registry);
    let failing = read("ops/demo/egg-install-fails.json")?.replace(PLACEHOLDER, &registry);
    Ok(Eggs {
        game: import(api, &game).await?,
        failing: import(api, &failing).await?,
    })
}

/// Imports an egg unless one of its name is there, and gives its id.
async fn import(api: &Api, text: &str) -> Result<String> {
    let egg: Value = serde_json::from_str(text).context("read an egg")?;
    let name = egg["name"].as_str().context("an egg without a name")?;
    let eggs = api.get("/eggs?limit=100").await?;
    if let Some(id) = id_by_name(&eggs, name) {
        return Ok(id);
    }
    let answer = api.post("/eggs/import", egg.clone()).await?;
    let id = answer["egg"]["id"]
        .as_str()
        .context("an import without an id")?;
    Ok(id.to_owned())
}

fn id_by_name(list: &Value, name: &str) -> Option<String> {
    let items = list["items"].as_array()?;
    let found = items.iter().find(|item| item["name"] == name)?;
    found["id"].as_str().map(str::to_owned)
}

async fn servers(api: &Api, args: &UpArgs, eggs: &Eggs) -> Result<Made> {
    let nodes = api.get("/nodes").await?;
    let node = nodes["items"][0]["id"]
        .as_str()
        .context("there is no node")?
        .to_owned();
    let variables = json!({"srv_name": "Warren demo", "srv_advertise": "false"});
    let game = create(api, "OpenTTD demo", &eggs.game, &node, &variables).await?;
    let failing = create(api, "Broken demo", &eggs.failing, &node, &variables).await?;
    let server = settle(api, &game).await?;
    if server["state"] != "running" {
        bail!("the demo server did not come up: {}", story(&server));
    }
    let failed = settle(api, &failing).await?;
    if failed["install"]["result"] != "failed" {
        bail!(
            "the server that should fail to install did not: {}",
            story(&failed)
        );
    }
    let url = conf::public_url(args);
    let join = server["address"]["display"]
        .as_str()
        .unwrap_or("127.0.0.1")
        .to_owned();
    Ok(Made {
        console: format!("{url}/servers/{game}"),
        join,
        failing: format!("{url}/servers/{failing}"),
    })
}

async fn create(api: &Api, name: &str, egg: &str, node: &str, variables: &Value) -> Result<String> {
    let servers = api.get("/servers?limit=100").await?;
    if let Some(id) = id_by_name(&servers, name) {
        return Ok(id);
    }
    let body = json!({
        "name": name, "egg": egg, "node": node, "variables": variables,
        "limits": {
            "memory_bytes": 512u64 << 20, "swap_bytes": 0, "disk_bytes": 1u64 << 30,
            "cpu_percent": 100,
        },
        "ports": {}, "start_after_install": true,
    });
    let answer = api.post("/servers", body).await?;
    let id = answer["server"]["id"]
        .as_str()
        .context("a server without an id")?;
    Ok(id.to_owned())
}

/// Waits until the server neither installs nor starts any more. One that stands still, because an
/// earlier run or a person stopped it, is started.
async fn settle(api: &Api, id: &str) -> Result<Value> {
    let since = Instant::now();
    let mut asked = false;
    loop {
        let server = api.get(&format!("/servers/{id}")).await?;
        let state = server["state"].as_str().unwrap_or_default();
        let failed = server["install"]["result"] == "failed";
        let installed = server["install"]["result"] == "done";
        let still = matches!(state, "stopped" | "crashed") && server["operation"].is_null();
        if state == "running" || (failed && still) || state == "error" {
            return Ok(server);
        }
        // A moment for start_after_install to come by itself.
        if still && installed && !asked && since.elapsed() > Duration::from_secs(5) {
            api.post(&format!("/servers/{id}/power"), json!({"action": "start"}))
                .await?;
            asked = true;
        }
        if since.elapsed() > INSTALL {
            return Ok(server);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn story(server: &Value) -> String {
    let install = &server["install"];
    format!(
        "state {}, reason {}, detail {}, install {install}",
        server["state"], server["reason"], server["detail"]
    )
}
