//! HTTPS of control itself.

use reqwest::header;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use warren_control::{config::TlsMode, http};

use crate::{
    http_panel::{PASSWORD, Panel, with},
    world::World,
};

fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_self_made_certificate_is_kept_and_carries_its_own_cookie() {
    let world = with(World::on_sqlite().await, |config| {
        config.tls.mode = TlsMode::SelfSigned;
        config.http_listen = "127.0.0.1:0".into();
        config.address = "panel.example.net".into();
    });
    let panel = Panel::open(world).await;
    panel.account("ann", false, false).await;
    let mut prints = Vec::new();
    for _ in 0..2 {
        let stop = CancellationToken::new();
        let (tell, told) = tokio::sync::oneshot::channel();
        let app = panel.world.app.clone();
        let serving = tokio::spawn(http::serve(app, stop.clone(), Some(tell)));
        let listening = told.await.unwrap();
        let url = format!("https://{}/api/v1", listening.address);
        let login = json!({"login": "ann", "password": PASSWORD});
        let answer = client()
            .post(format!("{url}/session"))
            .json(&login)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let line = answer.headers()[header::SET_COOKIE]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            line.starts_with("__Host-warren=") && line.contains("; Secure"),
            "{line}"
        );
        let token = line.split(['=', ';']).nth(1).unwrap().to_owned();
        let ask = async |cookie: String| {
            let request = client()
                .get(format!("{url}/account"))
                .header(header::COOKIE, cookie);
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(ask(format!("__Host-warren={token}")).await, 200);
        assert_eq!(ask(format!("warren={token}")).await, 401);
        // The same token is worth nothing over plain http, under either name.
        for name in ["warren", "__Host-warren"] {
            let mut plain = panel.nobody();
            plain.cookie = Some(token.clone());
            let request = plain
                .request(reqwest::Method::GET, "/api/v1/account")
                .header(header::COOKIE, format!("{name}={token}"));
            assert_eq!(request.send().await.unwrap().status(), 401, "{name}");
        }
        prints.push(listening.fingerprint.unwrap());
        stop.cancel();
        serving.await.unwrap().unwrap();
    }
    assert_eq!(prints[0], prints[1], "made once and kept");
    let https = panel.world.app.config.data_dir.join("https");
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(https.join("key.pem"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let pem = std::fs::read_to_string(https.join("cert.pem")).unwrap();
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let digest = hex::encode_upper(Sha256::digest(&der));
    assert_eq!(prints[0].replace(':', ""), digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_served_is_named() {
    let world = World::on_sqlite().await;
    let missing = world.app.reconfigured(|config| {
        config.http_listen = "127.0.0.1:0".into();
        config.tls.mode = TlsMode::Files;
        config.tls.cert = "/nowhere/cert.pem".into();
        config.tls.key = "/nowhere/key.pem".into();
    });
    let stop = CancellationToken::new();
    let error = http::serve(missing, stop.clone(), None).await.unwrap_err();
    assert!(
        format!("{error:#}").contains("/nowhere/cert.pem"),
        "{error:#}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let busy = world
        .app
        .reconfigured(|config| config.http_listen = address.clone());
    let error = http::serve(busy, stop, None).await.unwrap_err();
    let text = format!("{error:#}");
    assert!(
        text.contains("http_listen") && text.contains(&address),
        "{text}"
    );
}
