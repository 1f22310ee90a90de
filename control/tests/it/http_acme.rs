//! A certificate of an authority: Debian's `pebble`, which does what a public one does.

use std::{net::SocketAddr, path::Path, process::Command, time::Duration};

use tokio_util::sync::CancellationToken;
use warren_control::{app::App, config::TlsMode, http};
use warren_harness::{Process, eventually_async, free_port};

use crate::world::{SOON, World};

const NAMES: [&str; 2] = ["panel.example.net", "play.example.net"];

/// An authority with a name server of its own, which knows every name as this machine.
struct Authority {
    roots: String,
    ca: rcgen::CertifiedKey<rcgen::KeyPair>,
    _dns: Process,
    _acme: Process,
}

impl Authority {
    async fn start(dir: &Path, port: u16, proves_at: u16) -> Self {
        let [dns, management, manage_dns] = [(); 3].map(|()| free_port().unwrap());
        let mut names = Command::new("pebble-challtestsrv");
        names.args(["-http01", "", "-https01", "", "-tlsalpn01", ""]);
        names.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
        names.args(["-dns01", &format!("127.0.0.1:{dns}")]);
        names.args(["-management", &format!("127.0.0.1:{manage_dns}")]);
        let names = Process::spawn("pebble-challtestsrv", names, &dir.join("dns.log")).unwrap();
        let ca = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(dir.join("ca.pem"), ca.cert.pem()).unwrap();
        std::fs::write(dir.join("ca.key"), ca.signing_key.serialize_pem()).unwrap();
        let conf = serde_json::json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": dir.join("ca.pem"),
            "privateKey": dir.join("ca.key"),
            "httpPort": 1,
            "tlsPort": proves_at,
        }});
        std::fs::write(dir.join("pebble.json"), conf.to_string()).unwrap();
        let mut acme = Command::new("pebble");
        acme.arg("-config").arg(dir.join("pebble.json"));
        acme.args(["-strict", "-dnsserver", &format!("127.0.0.1:{dns}")]);
        acme.env("PEBBLE_VA_NOSLEEP", "1");
        let acme = Process::spawn("pebble", acme, &dir.join("pebble.log")).unwrap();
        Self {
            roots: format!("https://127.0.0.1:{management}/roots/0"),
            ca,
            _dns: names,
            _acme: acme,
        }
    }

    /// What browsers would trust.
    async fn root(&self) -> reqwest::Certificate {
        let ca = reqwest::Certificate::from_pem(self.ca.cert.pem().as_bytes()).unwrap();
        let client = reqwest::Client::builder()
            .tls_certs_only([ca])
            .build()
            .unwrap();
        let pem = eventually_async("the authority", SOON, || async {
            client
                .get(&self.roots)
                .send()
                .await
                .ok()?
                .bytes()
                .await
                .ok()
        });
        reqwest::Certificate::from_pem(&pem.await.unwrap()).unwrap()
    }
}

fn directory(port: u16) -> String {
    format!("https://127.0.0.1:{port}/dir")
}

struct Served {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
    at: SocketAddr,
}

impl Served {
    async fn start(app: App) -> Self {
        let stop = CancellationToken::new();
        let (tell, told) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(http::serve(app, stop.clone(), Some(tell)));
        let at = told.await.unwrap().address;
        Self { stop, task, at }
    }

    /// Asks by name, as somebody who trusts only `root`; or nobody, and looks at no certificate.
    async fn ask(&self, name: &str, root: Option<&reqwest::Certificate>) -> Option<u16> {
        let client = reqwest::Client::builder().resolve(name, self.at);
        let client = match root {
            Some(root) => client.tls_certs_only([root.clone()]),
            None => client.tls_danger_accept_invalid_certs(true),
        };
        let url = format!("https://{name}:{}/healthz", self.at.port());
        let answer = client.build().unwrap().get(url).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_had_from_an_authority_kept_and_used_again_without_it() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let world = World::on_sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let [port, authority_port] = [(); 2].map(|()| free_port().unwrap());
    let app = world.app.reconfigured(|config| {
        config.http_listen = format!("127.0.0.1:{port}");
        config.tls.mode = TlsMode::Acme;
        config.tls.acme_names = NAMES.map(str::to_owned).to_vec();
        config.tls.acme_contact = "admin@example.net".into();
        config.tls.acme_directory = directory(authority_port);
        config.tls.acme_ca = dir.path().join("ca.pem").display().to_string();
    });
    // Its CA is named before the authority runs, as a private one's would be.
    let authority = Authority::start(dir.path(), authority_port, port).await;
    let served = Served::start(app.clone()).await;
    assert_eq!(
        served.ask(NAMES[0], None).await,
        Some(200),
        "at once, self-made"
    );
    let root = authority.root().await;
    for name in NAMES {
        let trusted =
            eventually_async("a trusted certificate", Duration::from_secs(60), || async {
                served.ask(name, Some(&root)).await
            });
        assert_eq!(trusted.await.unwrap(), 200, "{name}");
    }
    assert_eq!(served.ask("other.example.net", Some(&root)).await, None);
    served.end().await;
    drop(authority);
    // The authority is gone; the certificate is kept.
    let served = Served::start(app).await;
    let again = eventually_async("the kept certificate", SOON, || async {
        served.ask(NAMES[1], Some(&root)).await
    });
    assert_eq!(again.await.unwrap(), 200);
    served.end().await;
    use std::os::unix::fs::PermissionsExt;
    let kept = world.app.config.data_dir.join("https/acme");
    let mode = std::fs::metadata(kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "keys lie in it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_does_not_answer_leaves_the_panel_up() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let world = World::on_sqlite().await;
    let nobody = free_port().unwrap();
    let app = world.app.reconfigured(|config| {
        config.http_listen = "127.0.0.1:0".into();
        config.tls.mode = TlsMode::Acme;
        config.tls.acme_names = vec![NAMES[0].into()];
        config.tls.acme_directory = directory(nobody);
    });
    let served = Served::start(app).await;
    assert_eq!(served.ask(NAMES[0], None).await, Some(200));
    served.end().await;
    let missing = world.app.reconfigured(|config| {
        config.http_listen = "127.0.0.1:0".into();
        config.tls.mode = TlsMode::Acme;
        config.tls.acme_names = vec![NAMES[0].into()];
        config.tls.acme_ca = "/nowhere/ca.pem".into();
    });
    let error = http::serve(missing, CancellationToken::new(), None).await;
    let text = format!("{:#}", error.unwrap_err());
    assert!(
        text.contains("tls.acme_ca") && text.contains("/nowhere/ca.pem"),
        "{text}"
    );
}
