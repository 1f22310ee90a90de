//! One nats-server per test, set up exactly as Warren sets it up.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use nkeys::KeyPair;
use tempfile::TempDir;
use warren_proto::bus::accounts::{Account, Reader, Realm, Revocations, Servers, Storage};
use warren_proto::bus::config::{ServerConfig, Tls};
use warren_proto::bus::events::{Action, Event};
use warren_proto::bus::version::{self, Version};
use warren_proto::bus::{Bus, Creds, Options, Seed, Subscription};
use warren_proto::ids::{ConsumerId, ControlId, GatewayId, JoinTokenId, NodeId, ServerId};

/// Long enough for a loaded machine, short enough to fail a test.
pub const SOON: Duration = Duration::from_secs(10);
/// What should not come is waited for this long.
pub const NOT: Duration = Duration::from_millis(400);

/// Every nats-server binary to test with. None at all is a failure, never a pass.
pub fn binaries() -> Vec<PathBuf> {
    let extra = std::env::var("WARREN_NATS_SERVER_EXTRA").unwrap_or_default();
    let first = std::env::var("WARREN_NATS_SERVER").unwrap_or_else(|_| "nats-server".into());
    let mut all = vec![PathBuf::from(first)];
    all.extend(
        extra
            .split(':')
            .filter(|p| !p.is_empty())
            .map(PathBuf::from),
    );
    all
}

/// Runs a test once per nats-server binary.
macro_rules! on_each_server {
    ($(#[$meta:meta])* async fn $name:ident($rig:ident: $t:ty) $body:block) => {
        $(#[$meta])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for binary in crate::nats::binaries() {
                let $rig = <$t>::start(&binary, None).await;
                eprintln!("{} on nats-server {}", stringify!($name), $rig.version);
                $body
            }
        }
    };
}
pub(crate) use on_each_server;

pub struct Rig {
    pub realm: Realm,
    pub version: Version,
    pub url: String,
    pub dir: TempDir,
    binary: PathBuf,
    tls: Option<Tls>,
    port: u16,
    child: Option<Child>,
}

impl Rig {
    pub async fn start(binary: &Path, tls: Option<Tls>) -> Self {
        let banner = Command::new(binary).arg("--version").output();
        let banner = banner.unwrap_or_else(|e| panic!("{} does not run: {e}", binary.display()));
        let version = version::from_banner(&String::from_utf8_lossy(&banner.stdout)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let scheme = if tls.is_some() { "tls" } else { "nats" };
        let mut rig = Self {
            realm: Realm::create("warren-test", now_s() - 10).unwrap().0,
            version,
            url: format!("{scheme}://127.0.0.1:{port}"),
            dir: tempfile::tempdir().unwrap(),
            binary: binary.to_owned(),
            tls,
            port,
            child: None,
        };
        rig.launch().await;
        rig
    }

    /// Starts the server on its old port and directory, with the configuration of the first start.
    pub async fn launch(&mut self) {
        let conf = self.dir.path().join("nats.conf");
        if !conf.exists() {
            let config = ServerConfig {
                server_name: "n1".into(),
                listen: format!("127.0.0.1:{}", self.port),
                monitor: None,
                dir: self.dir.path().to_owned(),
                storage: Storage::default(),
                tls: self.tls.clone(),
                cluster: None,
                pid_file: None,
                ports_dir: None,
                version: self.version,
            };
            let text = config
                .render(&self.realm, |_| Revocations::new(), now_s() - 10)
                .unwrap();
            std::fs::write(&conf, text).unwrap();
        }
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("log"))
            .unwrap();
        // Dies with the test, also when that is killed.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&self.binary)
            .arg("-c")
            .arg(&conf)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let up = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", self.port))
                .await
                .is_err()
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(SOON, up).await.is_err() {
            panic!("nats-server did not start: {}", self.log());
        }
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub async fn connect(&self, creds: Creds) -> Bus {
        let bus = self.connecting(creds).await;
        bus.ready(SOON)
            .await
            .unwrap_or_else(|e| panic!("{e}; log: {}", self.log()));
        bus
    }

    /// Not waited for: the credential may be one that is refused.
    pub async fn connecting(&self, creds: Creds) -> Bus {
        let options = Options {
            urls: vec![self.url.clone()],
            name: "test".into(),
            creds,
            ca_pem: None,
        };
        Bus::start(options).await.unwrap()
    }

    pub async fn control(&self) -> Bus {
        self.connect(self.realm.control_creds(ControlId::new(), now_s()).unwrap())
            .await
    }

    pub async fn sys(&self) -> Bus {
        self.connect(self.realm.sys_creds(ControlId::new(), now_s()).unwrap())
            .await
    }

    pub fn node_creds(&self, node: NodeId) -> Creds {
        creds(|user| self.realm.mint_node(node, user, now_s(), now_s() + 3600))
    }

    pub async fn node(&self, node: NodeId) -> Bus {
        self.connect(self.node_creds(node)).await
    }

    pub async fn gateway(&self) -> Bus {
        let id = GatewayId::new();
        self.connect(creds(|user| {
            self.realm.mint_gateway(id, user, now_s(), None)
        }))
        .await
    }

    pub async fn enrolling(&self) -> Bus {
        let id = JoinTokenId::new();
        self.connect(creds(|user| {
            self.realm.mint_enroll(id, user, now_s(), now_s() + 60)
        }))
        .await
    }

    pub async fn reader(&self, id: ConsumerId, servers: &[ServerId]) -> Bus {
        let reader = Reader {
            id,
            servers: if servers.is_empty() {
                Servers::All
            } else {
                Servers::Only(servers)
            },
            durables: &[id],
        };
        self.connect(creds(|user| {
            self.realm.mint_reader(&reader, user, now_s(), None)
        }))
        .await
    }

    pub fn account(&self, account: Account) -> String {
        self.realm.public(account).unwrap()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn now_s() -> i64 {
    i64::try_from(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    )
    .unwrap()
}

pub fn creds<E: std::fmt::Debug>(mint: impl FnOnce(&str) -> Result<String, E>) -> Creds {
    let user = KeyPair::new_user();
    Creds::new(mint(&user.public_key()).unwrap(), Seed::of(&user).unwrap()).unwrap()
}

/// The next message, or a panic that says what was waited for.
pub async fn next(sub: &mut Subscription, what: &str) -> async_nats::Message {
    match tokio::time::timeout(SOON, sub.next()).await {
        Ok(Some(message)) => message,
        other => panic!("{what}: {other:?}"),
    }
}

pub async fn nothing(sub: &mut Subscription, what: &str) {
    if let Ok(Some(message)) = tokio::time::timeout(NOT, sub.next()).await {
        panic!("{what}: got {} {:?}", message.subject, message.payload);
    }
}

/// Waits until the server has handled what this connection sent so far. A flush only reaches the socket.
pub async fn settled(bus: &Bus) {
    bus.flush(SOON).await.unwrap();
    // The server reads a connection in order, and answers this with an error event once it is through.
    let mut events = bus.events();
    let marker = format!("settled.{}", NodeId::new());
    bus.publish(marker.clone(), Bytes::new()).await.unwrap();
    let seen = async {
        loop {
            match events.recv().await {
                Ok(Event::Denied { subject, .. }) if subject == marker => return,
                Ok(_) => {}
                Err(e) => panic!("{e}"),
            }
        }
    };
    if tokio::time::timeout(SOON, seen).await.is_err() {
        panic!("the server never said that it refused {marker}");
    }
}

/// Publishes to each subject and demands that the server refuses each.
pub async fn denied_publishes(bus: &Bus, subjects: &[String]) {
    for subject in subjects {
        let mut events = bus.events();
        bus.publish(subject.clone(), Bytes::from_static(b"x"))
            .await
            .unwrap();
        denied(&mut events, Action::Publish, subject).await;
    }
}

/// Subscribes to each subject and demands that the server refuses each.
pub async fn denied_subscriptions(bus: &Bus, subjects: &[String]) {
    for subject in subjects {
        let mut events = bus.events();
        let _sub = bus.subscribe(subject.clone(), 8).await.unwrap();
        denied(&mut events, Action::Subscribe, subject).await;
    }
}

async fn denied(
    events: &mut tokio::sync::broadcast::Receiver<Event>,
    action: Action,
    subject: &str,
) {
    let wanted = Event::Denied {
        action,
        subject: subject.to_owned(),
    };
    let seen = async {
        loop {
            if events.recv().await.unwrap() == wanted {
                return;
            }
        }
    };
    if tokio::time::timeout(SOON, seen).await.is_err() {
        panic!("{action:?} {subject} was not refused");
    }
}
