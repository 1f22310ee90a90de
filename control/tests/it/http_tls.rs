//! HTTPS of control itself.

use reqwest::header;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use warren_control::{config::TlsMode, http};

use crate::{
    http_panel::{PASSWORD, Panel, with},
    world::{SOON, World},
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

struct Served {
    address: std::net::SocketAddr,
    stop: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn served(world: &World) -> Served {
    let stop = CancellationToken::new();
    let (tell, told) = tokio::sync::oneshot::channel();
    tokio::spawn(http::serve(world.app.clone(), stop.clone(), Some(tell)));
    let address = told.await.unwrap().address;
    Served { address, stop }
}

/// Certificate and key, PEM.
fn pair() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let cert = params.self_signed(&key).unwrap();
    (cert.pem(), key.serialize_pem())
}

/// Answers every request with `text`, with a key of its own.
async fn man_in_the_middle(text: String) -> std::net::SocketAddr {
    let (cert, key) = pair();
    let tls =
        axum_server::tls_rustls::RustlsConfig::from_pem(cert.into_bytes(), key.into_bytes()).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let answer = axum::Router::new().fallback(move || std::future::ready(text.clone()));
    let server = axum_server::from_tcp_rustls(listener, tls.unwrap()).unwrap();
    tokio::spawn(server.serve(answer.into_make_service()));
    address
}

async fn sh(line: &str) -> (bool, String) {
    let output = tokio::process::Command::new("sh")
        .args(["-c", line])
        .output()
        .await
        .unwrap();
    let both = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&both).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_line_runs_nothing_that_a_man_in_the_middle_gives() {
    const PUBLIC: &str = "panel.example.net:8443";
    let world = with(World::on_sqlite().await, |config| {
        config.tls.mode = TlsMode::SelfSigned;
        config.http_listen = "127.0.0.1:0".into();
        config.public_url = format!("https://{PUBLIC}");
        config.nats_public_urls = vec!["tls://panel.example.net:4222".into()];
    });
    let served = served(&world).await;
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let made = admin.post("/nodes/tokens", json!({})).await.expect(201);
    let line = made["install_command"].as_str().unwrap();
    let (fetch, run) = line.split_once(" | ").unwrap();
    assert!(run.starts_with("sh -s -- wjoin_"), "{line}");

    let (fetched, script) = sh(&fetch.replace(PUBLIC, &served.address.to_string())).await;
    assert!(fetched && script.starts_with("#!/bin/sh"), "{script}");
    let pin = fetch.split('\'').nth(1).unwrap();
    assert!(
        script.contains(&format!("pin='{pin}'")),
        "the script goes on with the same pin"
    );

    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join("was-run");
    let middle = man_in_the_middle(format!("touch '{}'\n", marker.display())).await;
    let unpinned = line.replace(&format!(" --pinnedpubkey '{pin}'"), "");
    sh(&unpinned.replace(PUBLIC, &middle.to_string())).await;
    assert!(marker.exists(), "without the pin it would be run");
    std::fs::remove_file(&marker).unwrap();
    let (_, said) = sh(&line.replace(PUBLIC, &middle.to_string())).await;
    assert!(said.contains("pinned public key"), "{said}");
    assert!(!marker.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_that_only_this_machine_reaches_prints_no_line_for_others() {
    let world = with(World::on_sqlite().await, |config| {
        config.public_url = "http://127.0.0.1:8080".into();
        config.address = "panel.example.net".into();
    });
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let made = admin.post("/nodes/tokens", json!({})).await.expect(201);
    assert!(made["install_command"].is_null(), "{made}");
    assert!(
        made["command"]
            .as_str()
            .unwrap()
            .starts_with("warren-agent join ")
    );
    let far = with(World::on_sqlite().await, |config| {
        config.address = "panel.example.net".into();
        config.nats_public_urls = vec!["tls://127.0.0.1:4222".into(), "nats://[::1]:4222".into()];
    });
    let panel = Panel::open(far).await;
    let refused = panel
        .as_admin()
        .await
        .post("/nodes/tokens", json!({}))
        .await;
    assert_eq!(refused.problem(409), "no_public_address");
}

async fn presented(address: std::net::SocketAddr) -> Vec<u8> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .tls_info(true)
        .build()
        .unwrap();
    let answer = client
        .get(format!("https://{address}/healthz"))
        .send()
        .await
        .unwrap();
    let info = answer.extensions().get::<reqwest::tls::TlsInfo>().unwrap();
    info.peer_certificate().unwrap().to_vec()
}

fn der(pem: &str) -> Vec<u8> {
    use rustls_pki_types::{CertificateDer, pem::PemObject};
    CertificateDer::from_pem_slice(pem.as_bytes())
        .unwrap()
        .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_over_while_control_serves() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let (first, first_key) = pair();
    std::fs::write(path("a.pem"), &first).unwrap();
    std::fs::write(path("a.key"), &first_key).unwrap();
    // As ACME clients keep them: links that are turned to the newest.
    let point = |at: &str, to: &str| {
        std::os::unix::fs::symlink(path(to), path("link.new")).unwrap();
        std::fs::rename(path("link.new"), path(at)).unwrap();
    };
    point("cert.pem", "a.pem");
    point("key.pem", "a.key");
    let world = with(World::on_sqlite().await, |config| {
        config.tls.mode = TlsMode::Files;
        config.http_listen = "127.0.0.1:0".into();
        config.tls.cert = path("cert.pem").display().to_string();
        config.tls.key = path("key.pem").display().to_string();
    });
    let served = served(&world).await;
    assert_eq!(presented(served.address).await, der(&first));

    let (second, second_key) = pair();
    std::fs::write(path("b.pem"), &second).unwrap();
    std::fs::write(path("b.key"), &second_key).unwrap();
    point("cert.pem", "b.pem");
    // A certificate without its key is no reason to stop serving.
    assert_eq!(presented(served.address).await, der(&first));
    point("key.pem", "b.key");
    warren_harness::eventually_async("the new one to be presented", SOON, || async {
        (presented(served.address).await == der(&second)).then_some(())
    })
    .await
    .unwrap();
}
