//! The front door itself: headers, refusals, pages, and the way through to a gateway.

use std::time::Duration;

use reqwest::{Method, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use warren_harness::eventually_async;

use crate::{
    http_panel::{Answer, Panel, with},
    on_both,
    world::{SOON, World},
};

on_both! {
    every_answer_is_guarded_and_numbered
    the_committed_description_is_the_one_that_is_served
    the_api_page_needs_nothing_from_elsewhere
    only_this_machine_or_an_admin_reads_metrics
    an_agents_digest_is_the_one_of_its_binary
    readiness_tells_of_the_bus
}

async fn plain(panel: &Panel, method: Method, path: &str) -> Answer {
    let response = panel.nobody().request(method, path).send().await.unwrap();
    Answer::of(response).await
}

async fn every_answer_is_guarded_and_numbered(world: World) {
    let panel = Panel::open(world).await;
    let mut seen = std::collections::HashSet::new();
    for (method, path, status) in [
        (Method::GET, "/healthz", 200),
        (Method::GET, "/readyz", 200),
        (Method::GET, "/api/v1/servers", 401),
        (Method::GET, "/api/v1/nothing", 404),
        (Method::POST, "/api/v1/nothing", 404),
        (Method::PUT, "/api/v1/servers", 405),
        (Method::GET, "/api/docs", 200),
        (Method::GET, "/api/docs/passwd", 404),
        (Method::GET, "/assets/missing.js", 404),
        (Method::GET, "/download/..%2f..%2fetc%2fpasswd", 404),
        (Method::GET, "/ws", 503),
    ] {
        let answer = plain(&panel, method, path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text);
        let is = |name: &str, value: &str| {
            assert_eq!(answer.headers[name], value, "{path}: {name}");
        };
        is("x-content-type-options", "nosniff");
        is("x-frame-options", "DENY");
        let csp = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(csp.contains("default-src 'none'"), "{csp}");
        assert!(
            !csp.contains("unsafe-inline") && !csp.contains('*'),
            "{csp}"
        );
        let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        assert!(seen.insert(id), "no two requests share an id");
        if status >= 400 {
            answer.problem(status);
        }
    }
    let large = panel
        .nobody()
        .request(Method::POST, "/api/v1/session")
        .header(header::CONTENT_TYPE, "application/json")
        .body(vec![b' '; 300 * 1024]);
    let large = Answer::of(large.send().await.unwrap()).await;
    assert_eq!(large.problem(413), "too_large");
}

async fn the_committed_description_is_the_one_that_is_served(world: World) {
    let panel = Panel::open(world).await;
    let served = plain(&panel, Method::GET, "/api/openapi.json").await;
    let committed = include_str!("../../openapi.json");
    assert!(
        served.text == committed,
        "run `warren-control openapi > control/openapi.json` and commit it"
    );
}

async fn the_api_page_needs_nothing_from_elsewhere(world: World) {
    let panel = Panel::open(world).await;
    let page = plain(&panel, Method::GET, "/api/docs").await;
    let csp = page.headers["content-security-policy"].to_str().unwrap();
    assert!(csp.contains("script-src 'self'") && csp.contains("connect-src 'self'"));
    for file in ["/api/docs/docs.js", "/api/docs/docs.css"] {
        let asset = plain(&panel, Method::GET, file).await;
        assert_eq!(asset.status, 200);
        assert!(page.text.contains(file));
        assert!(!asset.text.contains("http://") && !asset.text.contains("https://"));
        assert!(!asset.text.contains("innerHTML"));
    }
    assert!(!page.text.contains("http://") && !page.text.contains("https://"));
    assert!(!page.text.contains("style=") && !page.text.contains("<style"));
}

async fn only_this_machine_or_an_admin_reads_metrics(world: World) {
    warren_control::http::install_recorder();
    let panel = Panel::open(world).await;
    plain(&panel, Method::GET, "/healthz").await;
    let here = plain(&panel, Method::GET, "/metrics").await;
    assert_eq!(here.status, 200);
    assert!(here.text.contains("warren_http_requests_total"));
    let passed_on = panel
        .nobody()
        .request(Method::GET, "/metrics")
        .header("x-forwarded-for", "203.0.113.9");
    let passed_on = Answer::of(passed_on.send().await.unwrap()).await;
    assert_eq!(passed_on.problem(401), "not_logged_in");
    let rebound = panel
        .nobody()
        .request(Method::GET, "/metrics")
        .header(header::HOST, "evil.example");
    Answer::of(rebound.send().await.unwrap()).await.problem(401);
}

async fn readiness_tells_of_the_bus(world: World) {
    let mut panel = Panel::open(world).await;
    let says = async |panel: &Panel| plain(panel, Method::GET, "/readyz").await.text;
    assert_eq!(says(&panel).await, "ready\nbus: connected\n");
    panel.world.nats.kill9();
    eventually_async("the bus to be away", SOON, || async {
        says(&panel)
            .await
            .contains("bus: not connected")
            .then_some(())
    })
    .await
    .unwrap();
}

async fn an_agents_digest_is_the_one_of_its_binary(world: World) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("warren-agent"),
        b"\x7fELF agent GLIBC_2.31\0",
    )
    .unwrap();
    let none = Panel::open(World::on_sqlite().await).await;
    let missing = plain(&none, Method::GET, "/download/warren-agent").await;
    assert_eq!(missing.problem(404), "no_agent_binary");
    let world = with(world, |config| {
        config.install_dir = dir.path().display().to_string();
        config.public_url = "https://panel.example:8443".into();
    });
    let panel = Panel::open(world).await;
    let binary = plain(&panel, Method::GET, "/download/warren-agent").await;
    assert_eq!(binary.text.as_bytes(), b"\x7fELF agent GLIBC_2.31\0");
    let digest = plain(&panel, Method::GET, "/download/warren-agent.sha256").await;
    let (digest, name) = digest.text.trim().split_once("  ").unwrap();
    assert_eq!(name, "warren-agent");
    let own = format!("/download/warren-agent-{}", std::env::consts::ARCH);
    let named = plain(&panel, Method::GET, &own).await;
    assert_eq!(named.text.as_bytes(), b"\x7fELF agent GLIBC_2.31\0");
    let other = if std::env::consts::ARCH == "x86_64" {
        "aarch64"
    } else {
        "x86_64"
    };
    let path = format!("/download/warren-agent-{other}");
    let absent = plain(&panel, Method::GET, &path).await;
    assert_eq!(absent.problem(404), "no_agent_binary");
    std::fs::write(dir.path().join(format!("warren-agent-{other}")), b"other").unwrap();
    assert_eq!(plain(&panel, Method::GET, &path).await.text, "other");
    for bad in [
        "warren-agent-sparc",
        "warren-agent-",
        "warren-control",
        "..%2Fx",
    ] {
        let bad = plain(&panel, Method::GET, &format!("/download/{bad}")).await;
        bad.problem(404);
    }
    let script = plain(&panel, Method::GET, "/install.sh").await;
    assert!(script.text.starts_with("#!/bin/sh"));
    let offered = format!("{}:{digest}:2.31", std::env::consts::ARCH);
    assert!(script.text.contains(&offered), "{}", script.text);
    assert!(script.text.contains(&format!("{other}:")));
    assert!(script.text.contains("'https://panel.example:8443'"));
    assert!(!script.text.contains("@WARREN_"));
}

/// A gateway that takes any upgrade, then says every byte back. Gives the head of the request.
async fn echo_gateway() -> (String, tokio::sync::oneshot::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        drop(tell.send(head));
        let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
            upgrade: websocket\r\nsec-websocket-accept: yes\r\n\r\nhello";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.ok();
    });
    (address, told)
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_pass_through_to_a_gateway_and_credentials_do_not() {
    let (gateway, told) = echo_gateway().await;
    let world = with(World::on_sqlite().await, |config| {
        config.gateway_upstream = gateway
    });
    let panel = Panel::open(world).await;
    let mut stream = TcpStream::connect(panel.address).await.unwrap();
    let request = format!(
        "GET /ws?x=1 HTTP/1.1\r\nhost: {0}\r\norigin: http://{0}\r\nconnection: Upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-key: abc\r\ncookie: warren=secret\r\n\r\n",
        panel.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(
        head.to_lowercase().contains("sec-websocket-accept: yes"),
        "{head}"
    );
    let passed = told.await.unwrap().to_lowercase();
    assert!(passed.starts_with("get /ws?x=1 "), "{passed}");
    assert!(passed.contains("sec-websocket-key: abc"), "{passed}");
    assert!(passed.contains("x-forwarded-for: 127.0.0.1"), "{passed}");
    assert!(!passed.contains("secret"), "{passed}");
    let mut hello = [0; 5];
    stream.read_exact(&mut hello).await.unwrap();
    assert_eq!(
        &hello, b"hello",
        "what came right behind the upgrade is not lost"
    );
    let bytes: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    let (mut read, mut write) = stream.split();
    let sent = bytes.clone();
    let both = async {
        let mut back = vec![0; bytes.len()];
        let (_, _) = tokio::try_join!(write.write_all(&sent), read.read_exact(&mut back)).unwrap();
        back
    };
    let back = tokio::time::timeout(Duration::from_secs(10), both).await;
    assert!(back.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_gets_no_web_socket() {
    let world = with(World::on_sqlite().await, |config| {
        config.gateway_upstream = "127.0.0.1:1".into()
    });
    let panel = Panel::open(world).await;
    let ask = async |origin: Option<&str>| {
        let mut request = panel
            .nobody()
            .request(Method::GET, "/ws")
            .header(header::CONNECTION, "upgrade")
            .header(header::UPGRADE, "websocket");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        Answer::of(request.send().await.unwrap()).await
    };
    assert_eq!(ask(None).await.problem(403), "cross_site");
    assert_eq!(
        ask(Some("http://evil.example")).await.problem(403),
        "cross_site"
    );
    let own = format!("http://{}", panel.address);
    assert_eq!(ask(Some(&own)).await.problem(503), "gateway_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_app_is_served_with_a_strict_policy() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("assets")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("index.html", "<meta name=nonce content=__CSP_NONCE__>");
    write("assets/index-BqX3f9aZ.js", "1");
    write("assets/index-BqX3f9aZ.js.gz", "packed");
    write("favicon.svg", "<svg/>");
    let world = with(World::on_sqlite().await, |config| {
        config.web_dir = dir.path().display().to_string()
    });
    let panel = Panel::open(world).await;
    for path in [
        "/",
        "/servers",
        "/servers/01arz3ndektsv4rrffq69g5fav/files?x=1",
    ] {
        let page = plain(&panel, Method::GET, path).await;
        assert_eq!(page.status, 200);
        let csp = page.headers["content-security-policy"].to_str().unwrap();
        let nonce = page
            .text
            .split("content=")
            .nth(1)
            .unwrap()
            .trim_end_matches('>');
        assert!(
            csp.contains(&format!("'nonce-{nonce}'")) && nonce.len() > 20,
            "{csp}"
        );
        assert!(!csp.contains("unsafe"), "{csp}");
        assert_eq!(page.headers["cache-control"], "no-store");
    }
    let asset = plain(&panel, Method::GET, "/assets/index-BqX3f9aZ.js").await;
    assert!(
        asset.headers["cache-control"]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    let etag = asset.headers["etag"].clone();
    let again = panel
        .nobody()
        .request(Method::GET, "/assets/index-BqX3f9aZ.js")
        .header(header::IF_NONE_MATCH, etag);
    assert_eq!(again.send().await.unwrap().status(), 304);
    let packed = panel
        .nobody()
        .request(Method::GET, "/assets/index-BqX3f9aZ.js")
        .header(header::ACCEPT_ENCODING, "gzip, br")
        .send()
        .await
        .unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let icon = plain(&panel, Method::GET, "/favicon.svg").await;
    assert_eq!(icon.headers["cache-control"], "no-cache");
    for bad in [
        "/assets/none-12345678.js",
        "/..%2fsecret.txt",
        "/%2e%2e/%2e%2e/etc/passwd",
    ] {
        let answer = plain(&panel, Method::GET, bad).await;
        assert!(
            answer.status == 404 || answer.text.contains("nonce"),
            "{bad}"
        );
        assert!(!answer.text.contains("root:"), "{bad}");
    }
}
