//! SFTP with the programs that people use: a gateway, the agent's program, and a bus between them that the agent dialled.

use std::collections::HashSet;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nkeys::KeyPair;
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use tokio_util::sync::CancellationToken;
use warren_control::sftp::proof;
use warren_gateway::Gateway;
use warren_gateway::config::{Config, Sftp};
use warren_harness::FakeGame;
use warren_proto::bus::keyring::Use;
use warren_proto::bus::ticket::{self, Scope, Ticket};
use warren_proto::bus::{Ask, Creds, Seed, ServeOptions, Serving, failure};
use warren_proto::envelope;
use warren_proto::ids::{GatewayId, ServerId, SessionId, UserId};
use warren_proto::subjects::{self, gate};
use warren_proto::wire::{self, Failure};

use crate::control::Control;
use crate::rig::{Rig, now_ms};

const PASSWORD: &str = "correct horse battery";
const ALL: [&str; 6] = [
    "file.sftp",
    "file.read",
    "file.read-content",
    "file.create",
    "file.update",
    "file.delete",
];

/// Control's part: who may come in, with what, and who has been shut out.
struct House {
    control: Arc<Control>,
    host_keys: Vec<wire::HostKey>,
    server: ServerId,
    user: UserId,
    /// The second word of a line in `authorized_keys`.
    key: Mutex<String>,
    rights: Mutex<Vec<String>>,
    upload_bytes: Mutex<Option<u64>>,
    sessions: Mutex<Vec<SessionId>>,
    ended: Mutex<HashSet<String>>,
    left: Mutex<usize>,
}

impl House {
    fn answer(&self, ask: &Ask) -> Result<Bytes, Failure> {
        match ask.kind.as_str() {
            gate::KEYS => Ok(ask.ok(&wire::Keys {
                keys: vec![self.control.ticket.announce(Use::Ticket)],
                revocation_counter: 1,
            })),
            gate::SESSIONS => {
                let asked: wire::SessionsAsk = ask.open()?;
                let ended = self.ended.lock();
                let ended = asked.sessions.into_iter().filter(|s| ended.contains(s));
                Ok(ask.ok(&wire::SessionsAnswer {
                    ended: ended.collect(),
                    revocation_counter: 1,
                }))
            }
            gate::HOST_KEYS => Ok(ask.ok(&wire::HostKeys {
                keys: self.host_keys.clone(),
                panel: "Warren".into(),
            })),
            gate::LOGIN => self.login(ask, &ask.open()?),
            gate::LOGOUT => {
                let _: wire::Logout = ask.open()?;
                *self.left.lock() += 1;
                Ok(ask.ok(&wire::Accepted {}))
            }
            other => Err(failure("unknown", other, false)),
        }
    }

    fn login(&self, ask: &Ask, login: &wire::Login) -> Result<Bytes, Failure> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let bad = || failure("bad_credentials", "wrong", false);
        let known = |key: &wire::SshKey| STANDARD.encode(&key.blob) == *self.key.lock();
        if login.login != format!("ann.{}", self.server) {
            return Err(failure(
                "not_found",
                "there is no such server of yours",
                false,
            ));
        }
        match login.proof.as_ref().unwrap() {
            wire::login::Proof::Offer(key) if known(key) => {
                return Ok(ask.ok(&wire::Accepted {}));
            }
            wire::login::Proof::Password(word) if word == PASSWORD => {}
            wire::login::Proof::Key(key) => {
                // As control does it, with its own code.
                let shown = key.key.as_ref().is_some_and(known);
                if !shown || proof::verify(&login.login, key).is_err() {
                    return Err(bad());
                }
            }
            _ => return Err(bad()),
        }
        let session = SessionId::new();
        self.sessions.lock().push(session);
        let ticket = Ticket {
            user: self.user,
            session,
            scope: Scope::Server {
                server: self.server,
                node: self.control.node,
            },
            rights: self.rights.lock().clone(),
            upload_bytes: *self.upload_bytes.lock(),
            iat: now_ms() / 1000,
            exp: now_ms() / 1000 + 280,
        };
        Ok(ask.ok(&wire::LoggedIn {
            ticket: ticket::sign(&self.control.ticket, &ticket).unwrap(),
            name: "mill".into(),
        }))
    }

    async fn end_last(&self) {
        let session = self.sessions.lock().last().unwrap().to_string();
        self.ended.lock().insert(session.clone());
        let told = wire::Revoked {
            counter: 2,
            sessions: vec![session],
            users: Vec::new(),
        };
        let subject = subjects::gate_tell(gate::REVOKED);
        let told = envelope::told(gate::REVOKED, &told);
        self.control.bus.publish(subject, told).await.unwrap();
    }
}

pub struct World {
    pub rig: Rig,
    pub gateway: Option<Gateway>,
    house: Arc<House>,
    pub port: u16,
    _desk: Serving,
}

impl World {
    pub async fn start() -> Self {
        let mut rig = Rig::new().await;
        let server = ServerId::new();
        let spec = rig.spec(&FakeGame::lines(1));
        rig.order(server, wire::Power::Stop, spec).await;
        let random = SystemRandom::new();
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let by = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ecdsa = EcdsaKeyPair::generate_pkcs8(by, &random).unwrap();
        let key = |kind: &str, secret: &[u8]| wire::HostKey {
            kind: kind.into(),
            secret: secret.to_vec().into(),
        };
        let house = Arc::new(House {
            control: rig.control.clone(),
            host_keys: vec![
                key("ssh-ed25519", ed25519.as_ref()),
                key("ecdsa-sha2-nistp256", ecdsa.as_ref()),
            ],
            server,
            user: UserId::new(),
            key: Mutex::default(),
            rights: Mutex::new(ALL.map(str::to_owned).into()),
            upload_bytes: Mutex::default(),
            sessions: Mutex::default(),
            ended: Mutex::default(),
            left: Mutex::default(),
        });
        let me = house.clone();
        let desk = rig.control.bus.serve(
            subjects::GATE_ASK_ANY.into(),
            ServeOptions::default(),
            move |ask| {
                let me = me.clone();
                async move { me.answer(&ask) }
            },
        );
        let desk = desk.await.unwrap();
        let creds_file = rig.containerd.dir().join("gateway.creds");
        let user = KeyPair::new_user();
        let realm = &rig.control.realm;
        let jwt = realm.mint_gateway(GatewayId::new(), &user.public_key(), now_ms() / 1000, None);
        let creds = Creds::new(jwt.unwrap(), Seed::of(&user).unwrap()).unwrap();
        creds.store(&creds_file).unwrap();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            nats_urls: vec![rig.nats.url()],
            nats_ca: None,
            creds_file,
            strangers_per_address: 64,
            strangers: 64,
            sftp: Sftp {
                listen: Some("127.0.0.1:0".parse().unwrap()),
                per_user: 24,
                ..Sftp::default()
            },
            trusted_proxies: Vec::new(),
        };
        let gateway = Gateway::start(&config, CancellationToken::new())
            .await
            .unwrap();
        let port = gateway.sftp_address.unwrap().port();
        rig.until("the gateway is ready", |_| {
            let edge = &gateway.edge;
            edge.bus.is_up() && edge.bulk.is_up() && edge.keyed.load(SeqCst)
        })
        .await;
        let world = Self {
            rig,
            gateway: Some(gateway),
            house,
            port,
            _desk: desk,
        };
        world.make_key();
        world
    }

    pub fn dir(&self) -> PathBuf {
        self.rig.containerd.dir().to_path_buf()
    }

    fn root(&self) -> PathBuf {
        let servers = self.rig.data().join("servers");
        servers.join(self.house.server.to_string())
    }

    pub fn login(&self) -> String {
        format!("ann.{}", self.house.server)
    }

    fn make_key(&self) {
        let path = self.dir().join("id");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&path)
            .status();
        assert!(made.unwrap().success());
        let line = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        *self.house.key.lock() = line.split_whitespace().nth(1).unwrap().to_owned();
    }

    /// Of `ssh`, `sftp` and `scp` alike.
    pub fn options(&self) -> Vec<String> {
        let known = self.dir().join("known_hosts");
        let identity = self.dir().join("id");
        let mut all = vec![
            "-F".into(),
            "/dev/null".into(),
            "-i".into(),
            identity.display().to_string(),
        ];
        for option in [
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "StrictHostKeyChecking=accept-new",
            "LogLevel=ERROR",
            &format!("UserKnownHostsFile={}", known.display()),
        ] {
            all.extend(["-o".into(), option.into()]);
        }
        all
    }

    fn sftp(&self) -> Command {
        let mut command = Command::new("timeout");
        command.args(["60", "sftp"]).args(self.options());
        command.args(["-P", &self.port.to_string()]);
        command.current_dir(self.dir());
        command
    }

    /// Runs a batch of `sftp`.
    async fn batch(&self, more: &[&str], lines: &str) -> Output {
        let mut command = self.sftp();
        command.args(more).args(["-b", "-"]);
        command.arg(format!("{}@127.0.0.1", self.login()));
        run(command, lines.as_bytes().to_vec()).await
    }

    pub async fn does(&self, lines: &str) -> String {
        let out = self.batch(&[], lines).await;
        let (said, why) = texts(&out);
        assert!(out.status.success(), "{lines}\n{said}\n{why}");
        said
    }

    pub async fn stop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            gateway.stop().await;
        }
    }
}

pub fn texts(out: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&out.stdout), text(&out.stderr))
}

pub async fn run(mut command: Command, input: Vec<u8>) -> Output {
    let (began, what) = (Instant::now(), format!("{command:?}"));
    let work = move || {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let out = child.wait_with_output().unwrap();
        drop(writer.join());
        out
    };
    let out = tokio::task::spawn_blocking(work).await.unwrap();
    println!("{:?} {what}", began.elapsed());
    out
}

/// Bytes that no packer makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn have(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status();
    found.unwrap().success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssh_does_a_days_work() {
    let mut world = World::start().await;
    let big = noise(24 << 20);
    std::fs::write(world.dir().join("big"), &big).unwrap();
    std::fs::write(world.dir().join("small"), "hello\n").unwrap();
    let said = world
        .does("put small\nput big\nmkdir a\nmkdir \"a/b c\"\nput small \"a/b c/ümläut \\\"q\\\" 日本.txt\"\nrename small a/moved\nchmod 600 a/moved\nln -s moved a/link\nls -la a\npwd\ndf -h\nstat_is_no_command_here\n".replace("stat_is_no_command_here\n", "").as_str())
        .await;
    let root = world.root();
    assert!(said.contains("moved") && said.contains("link"), "{said}");
    assert!(std::fs::read(root.join("big")).unwrap() == big);
    let moved = std::fs::metadata(root.join("a/moved")).unwrap();
    assert_eq!(moved.permissions().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::read_link(root.join("a/link")).unwrap(),
        Path::new("moved")
    );
    assert!(root.join("a/b c/ümläut \"q\" 日本.txt").exists());
    world.does("get big back\nget a/link linked\n").await;
    assert!(std::fs::read(world.dir().join("back")).unwrap() == big);
    assert_eq!(
        std::fs::read(world.dir().join("linked")).unwrap(),
        b"hello\n"
    );
    // Half of it is there, each way.
    let half = &big[..10 << 20];
    std::fs::write(world.dir().join("back"), half).unwrap();
    std::fs::write(root.join("big2"), half).unwrap();
    nix::unistd::chown(
        &root.join("big2"),
        Some(owner(&root).into()),
        Some(owner(&root).into()),
    )
    .unwrap();
    world.does("reget big back\nreput big big2\n").await;
    assert!(std::fs::read(world.dir().join("back")).unwrap() == big);
    assert!(std::fs::read(root.join("big2")).unwrap() == big);
    let many = root.join("many");
    std::fs::create_dir(&many).unwrap();
    for n in 0..3000 {
        std::fs::write(many.join(format!("file {n:04}")), "x").unwrap();
    }
    let said = world.does("ls -1 many\n").await;
    assert_eq!(said.matches("file ").count(), 3000);
    world
        .does("put -p small kept\nget -R a fetched\nput -R fetched copy\nrm kept\nrm copy/moved\n")
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_grows_beyond_what_uploads_may_be_but_larger_ones_of_the_game_are_changed() {
    let mut world = World::start().await;
    *world.house.upload_bytes.lock() = Some(1 << 20);
    let large = noise(2 << 20);
    std::fs::write(world.dir().join("large"), &large).unwrap();
    std::fs::write(world.dir().join("fits"), &large[..1 << 20]).unwrap();
    let out = world.batch(&[], "put large\n").await;
    assert!(!out.status.success(), "{:?}", texts(&out));
    let root = world.root();
    assert!(std::fs::metadata(root.join("large")).map_or(0, |m| m.len()) <= 1 << 20);
    world.does("put fits\n").await;
    assert_eq!(std::fs::read(root.join("fits")).unwrap(), &large[..1 << 20]);
    // The game has made it so large: it can still be read, and be replaced by what fits.
    std::fs::write(root.join("games"), &large).unwrap();
    let own = owner(&root);
    nix::unistd::chown(&root.join("games"), Some(own.into()), Some(own.into())).unwrap();
    world.does("get games back\nput fits games\n").await;
    assert_eq!(
        std::fs::metadata(root.join("games")).unwrap().len(),
        1 << 20
    );
    world.stop().await;
}

fn owner(root: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(root).unwrap().uid()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scp_rclone_lftp_and_sshfs_work_too() {
    let mut world = World::start().await;
    let bytes = noise(6 << 20);
    std::fs::write(world.dir().join("file"), &bytes).unwrap();
    let (dir, root, port) = (world.dir(), world.root(), world.port.to_string());
    // Once, so that the host key is known to those that ask nobody.
    world.does("put file first\n").await;
    let place = format!("{}@127.0.0.1:", world.login());
    let mut scp = Command::new("timeout");
    scp.args(["60", "scp", "-s"])
        .args(world.options())
        .args(["-P", &port]);
    scp.arg(dir.join("file")).arg(format!("{place}by-scp"));
    let out = run(scp, Vec::new()).await;
    assert!(out.status.success(), "{:?}", texts(&out));
    assert!(std::fs::read(root.join("by-scp")).unwrap() == bytes);
    assert!(
        have("rclone") && have("lftp") && have("sshfs"),
        "PACKAGES_TEST names them"
    );
    let obscured = run(
        {
            let mut c = Command::new("rclone");
            c.args(["obscure", PASSWORD]);
            c
        },
        Vec::new(),
    )
    .await;
    let obscured = texts(&obscured).0.trim().to_owned();
    let remote = format!(
        ":sftp,host=127.0.0.1,port={port},user={},pass={obscured},shell_type=none,disable_hashcheck=true:",
        world.login()
    );
    let tree = dir.join("tree");
    for n in 0..40 {
        let at = tree.join(format!("d{}", n % 4));
        std::fs::create_dir_all(&at).unwrap();
        std::fs::write(at.join(format!("f{n}")), noise(1000 * n)).unwrap();
    }
    for words in [
        vec![
            "copy".into(),
            tree.display().to_string(),
            format!("{remote}by-rclone"),
        ],
        vec![
            "check".into(),
            "--download".into(),
            tree.display().to_string(),
            format!("{remote}by-rclone"),
        ],
    ] {
        let mut rclone = Command::new("timeout");
        rclone
            .args(["90", "rclone", "--config", "/dev/null", "--retries", "1"])
            .args(&words);
        let out = run(rclone, Vec::new()).await;
        assert!(out.status.success(), "{words:?} {:?}", texts(&out));
    }
    let script = format!(
        "set sftp:auto-confirm yes; set net:max-retries 1; set cmd:fail-exit yes; open -u {},{:?} -p {port} sftp://127.0.0.1; \
         put {} -o by-lftp; mirror -R {} mirrored; ls; get by-lftp -o {}; mv by-lftp by-lftp2; bye",
        world.login(),
        PASSWORD,
        dir.join("file").display(),
        tree.display(),
        dir.join("lftp-back").display(),
    );
    let mut lftp = Command::new("timeout");
    lftp.args(["90", "lftp", "-c", &script]).env("HOME", &dir);
    let out = run(lftp, Vec::new()).await;
    assert!(out.status.success(), "{:?}", texts(&out));
    assert!(std::fs::read(dir.join("lftp-back")).unwrap() == bytes);
    assert!(root.join("by-lftp2").exists() && root.join("mirrored/d3/f39").exists());
    let mount = dir.join("mnt");
    std::fs::create_dir(&mount).unwrap();
    let mut sshfs = Command::new("timeout");
    sshfs
        .args(["30", "sshfs"])
        .arg(&place)
        .arg(&mount)
        .args(["-p", &port]);
    for option in world.options().chunks(2).filter(|pair| pair[0] == "-o") {
        sshfs.args(option);
    }
    sshfs.args(["-o", &format!("IdentityFile={}", dir.join("id").display())]);
    let out = run(sshfs, Vec::new()).await;
    assert!(out.status.success(), "{:?}", texts(&out));
    let (at, whole) = (mount.clone(), bytes.clone());
    let worked = tokio::task::spawn_blocking(move || {
        std::fs::write(at.join("by-sshfs"), &whole)?;
        std::fs::rename(at.join("by-sshfs"), at.join("renamed"))?;
        std::fs::create_dir(at.join("dir"))?;
        std::fs::write(at.join("dir/x"), "y")?;
        std::fs::remove_file(at.join("dir/x"))?;
        std::fs::remove_dir(at.join("dir"))?;
        let names = std::fs::read_dir(&at)?.count();
        Ok::<_, std::io::Error>((std::fs::read(at.join("renamed"))? == whole, names))
    });
    let worked = worked.await.unwrap();
    let _ = Command::new("fusermount")
        .args(["-u", "-z"])
        .arg(&mount)
        .status();
    assert!(worked.unwrap().0);
    assert!(std::fs::read(root.join("renamed")).unwrap() == bytes);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_hold_for_each_operation_and_end_within_a_second() {
    let mut world = World::start().await;
    std::fs::write(world.dir().join("small"), "hello\n").unwrap();
    world
        .does("put small\nmkdir dir\nln -s /etc/passwd out\n")
        .await;
    let root = world.root();
    std::os::unix::fs::symlink("/etc", root.join("escape")).unwrap();
    for line in [
        "get escape/passwd stolen",
        "get ../../../../etc/passwd stolen",
        "put small escape/x",
        "ls escape/passwd",
        "cd escape",
    ] {
        let out = world.batch(&[], line).await;
        assert!(!out.status.success(), "{line}: {:?}", texts(&out));
    }
    assert!(!world.dir().join("stolen").exists() && !Path::new("/etc/x").exists());
    *world.house.rights.lock() = vec!["file.sftp".into(), "file.read".into()];
    world.does("ls -l\n").await;
    for line in [
        "get small x",
        "put small new",
        "rm small",
        "mkdir new",
        "rename small new",
        "chmod 600 small",
        "rmdir dir",
    ] {
        let out = world.batch(&[], line).await;
        assert!(!out.status.success(), "{line}: {:?}", texts(&out));
    }
    assert!(root.join("small").exists() && root.join("dir").exists() && !root.join("new").exists());
    *world.house.rights.lock() = ALL.map(str::to_owned).into();
    // Nobody without a proof, and no shell for those who have one.
    let other = world.dir().join("other");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&other)
        .status();
    assert!(made.unwrap().success());
    let other = other.display().to_string();
    let mut stranger = world.sftp();
    stranger.args([
        "-o",
        &format!("IdentityFile={other}"),
        "-o",
        "IdentityFile=none",
    ]);
    stranger.arg(format!("ben.{}@127.0.0.1", world.house.server));
    let out = run(stranger, Vec::new()).await;
    assert!(
        texts(&out).1.contains("Permission denied"),
        "{:?}",
        texts(&out)
    );
    let mut shell = Command::new("timeout");
    shell
        .args(["20", "ssh"])
        .args(world.options())
        .args(["-p", &world.port.to_string()]);
    shell.arg(format!("{}@127.0.0.1", world.login())).arg("id");
    let out = run(shell, Vec::new()).await;
    assert!(
        texts(&out).1.contains("there is no shell here"),
        "{:?}",
        texts(&out)
    );
    assert_eq!(out.status.code(), Some(1));
    // A session that does nothing, cut off.
    let mut idle = world.sftp();
    idle.arg(format!("{}@127.0.0.1", world.login()));
    let mut child = idle
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let gateway = world.gateway.as_ref().unwrap();
    let sftp = &gateway.edge.metrics.sftp;
    world.rig.until("it is in", |_| sftp.get() == 1).await;
    let began = Instant::now();
    world.house.end_last().await;
    world.rig.until("it is out", |_| sftp.get() == 0).await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    let left = tokio::task::spawn_blocking(move || {
        drop(child.stdin.take());
        child.wait().unwrap()
    });
    left.await.unwrap();
    world
        .rig
        .until("it has logged out", |_| *world.house.left.lock() >= 1)
        .await;
    world.stop().await;
}
