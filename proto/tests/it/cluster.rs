//! Three servers: requests cross them, a revocation reaches all, and one that was down does not stay behind.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use warren_proto::bus::accounts::{Account, Realm, Revocations, Storage};
use warren_proto::bus::config::{Cluster as ClusterConfig, ServerConfig};
use warren_proto::bus::sys::Pusher;
use warren_proto::bus::{Bus, Creds, Error, Link, Options, ServeOptions, version};
use warren_proto::ids::{ControlId, NodeId};
use warren_proto::subjects::{self, up};

use crate::layout::{asked_until_there, echo};
use crate::nats::{SOON, binaries, creds, now_s};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_reaches_every_server_and_one_that_was_down() {
    for binary in binaries() {
        let mut cluster = Cluster::start(&binary).await;
        let control_creds = cluster
            .realm
            .control_creds(ControlId::new(), now_s())
            .unwrap();
        let control = cluster.connect(0, control_creds).await;
        let options = ServeOptions::default();
        let _desk = control
            .serve(subjects::ASK_ANY.into(), options, echo)
            .await
            .unwrap();
        let (a, b) = (NodeId::new(), NodeId::new());
        let (creds_a, creds_b) = (cluster.node(a), cluster.node(b));
        let (node_a, node_b) = (
            cluster.connect(1, creds_a.clone()).await,
            cluster.connect(2, creds_b.clone()).await,
        );
        for (node, id) in [(&node_a, a), (&node_b, b)] {
            asked_until_there(node, subjects::ask(id, up::HELLO), up::HELLO, Some(id)).await;
        }

        let sys = cluster
            .connect(
                0,
                cluster.realm.sys_creds(ControlId::new(), now_s()).unwrap(),
            )
            .await;
        let mut pusher = Pusher::new(sys, Storage::default());
        assert_eq!(
            pusher
                .look_around(Duration::from_secs(1))
                .await
                .unwrap()
                .len(),
            3
        );
        let mut revoked = Revocations::from([(key(&creds_a), now_s())]);
        let mut link = node_a.link();
        let began = Instant::now();
        let pushed = pusher
            .push(&cluster.realm, Account::Edge, &revoked, now_s(), SOON)
            .await
            .unwrap();
        tokio::time::timeout(SOON, link.wait_for(|l| *l != Link::Up))
            .await
            .expect("still in")
            .unwrap();
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
        assert!(
            pushed.taken.len() == 3 && pusher.missing(&pushed).is_empty(),
            "{pushed:?}"
        );

        // The next one is revoked while a server is down; that server is named, and catches up.
        cluster.kill(2);
        revoked.insert(key(&creds_b), now_s());
        let within = Duration::from_secs(1);
        let pushed = pusher
            .push(&cluster.realm, Account::Edge, &revoked, now_s(), within)
            .await
            .unwrap();
        assert_eq!(pusher.missing(&pushed), ["n2"]);
        cluster.launch(2).await;
        let refused = async {
            loop {
                let bus = cluster.connecting(2, creds_b.clone()).await;
                match bus.ready(SOON).await {
                    Err(Error::Refused(_)) => break,
                    _ => tokio::time::sleep(Duration::from_millis(200)).await,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(15), refused)
            .await
            .expect("a stale server lets it in");
        eprintln!("refused by a server that was down, {}", binary.display());
    }
}

struct Cluster {
    realm: Realm,
    binary: std::path::PathBuf,
    dir: TempDir,
    ports: Vec<u16>,
    children: Vec<Option<Child>>,
}

impl Cluster {
    async fn start(binary: &Path) -> Self {
        let realm = Realm::create("cluster", now_s() - 10).unwrap().0;
        let banner = Command::new(binary).arg("--version").output().unwrap();
        let version = version::from_banner(&String::from_utf8_lossy(&banner.stdout)).unwrap();
        let (ports, routes) = (free_ports(), free_ports());
        let dir = tempfile::tempdir().unwrap();
        for (i, (port, route)) in ports.iter().zip(&routes).enumerate() {
            let home = dir.path().join(i.to_string());
            std::fs::create_dir(&home).unwrap();
            let config = ServerConfig {
                server_name: format!("n{i}"),
                listen: format!("127.0.0.1:{port}"),
                monitor: None,
                dir: home.clone(),
                storage: Storage::default(),
                tls: None,
                cluster: Some(ClusterConfig {
                    name: "warren".into(),
                    listen: format!("127.0.0.1:{route}"),
                    routes: routes.iter().map(|r| format!("127.0.0.1:{r}")).collect(),
                }),
                pid_file: None,
                ports_dir: None,
                version,
            };
            let text = config
                .render(&realm, |_| Revocations::new(), now_s() - 10)
                .unwrap();
            std::fs::write(home.join("nats.conf"), text).unwrap();
        }
        let mut cluster = Self {
            realm,
            binary: binary.to_owned(),
            dir,
            ports,
            children: vec![None, None, None],
        };
        for i in 0..3 {
            cluster.launch(i).await;
        }
        cluster
    }

    async fn launch(&mut self, i: usize) {
        let conf = self.dir.path().join(i.to_string()).join("nats.conf");
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&self.binary)
            .arg("-c")
            .arg(conf)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.children[i] = Some(child);
        let up = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", self.ports[i]))
                .await
                .is_err()
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, up)
            .await
            .expect("a server did not start");
    }

    fn kill(&mut self, i: usize) {
        if let Some(mut child) = self.children[i].take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn node(&self, id: NodeId) -> Creds {
        creds(|user| self.realm.mint_node(id, user, now_s(), now_s() + 3600))
    }

    async fn connecting(&self, i: usize, creds: Creds) -> Bus {
        let options = Options {
            urls: vec![format!("nats://127.0.0.1:{}", self.ports[i])],
            name: "test".into(),
            creds,
            ca_pem: None,
        };
        Bus::start(options).await.unwrap()
    }

    async fn connect(&self, i: usize, creds: Creds) -> Bus {
        let bus = self.connecting(i, creds).await;
        bus.ready(SOON).await.unwrap();
        bus
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for i in 0..self.children.len() {
            self.kill(i);
        }
    }
}

fn key(creds: &Creds) -> String {
    creds.seed.key().unwrap().public_key()
}

/// Three that are free now; held together, so that they differ.
fn free_ports() -> Vec<u16> {
    let held: Vec<_> = (0..3)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    held.iter()
        .map(|l| l.local_addr().unwrap().port())
        .collect()
}
