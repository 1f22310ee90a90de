//! Refusals reach a client that sends its whole body before it listens.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::header;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls};
use tokio_util::sync::CancellationToken;
use warren_control::{config::TlsMode, http};

use crate::{
    http_panel::{Panel, Person, with},
    world::{SOON, World},
};

/// Far above what two sockets' buffers hold.
const LARGE: usize = 48 * 1024 * 1024;
const ROUNDS: usize = 12;

/// What a client that only listens at the end reads.
struct Heard {
    status: u16,
    head: String,
    body: Value,
}

fn head(person: Option<&Person>, path: &str, length: &str, more: &str) -> String {
    let cookie = person.and_then(|p| p.cookie.clone()).unwrap_or_default();
    format!(
        "POST /api/v1{path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: warren={cookie}; __Host-warren={cookie}\r\n\
         content-type: application/json\r\n{length}\r\n{more}\r\n"
    )
}

async fn hear(socket: &mut (impl AsyncRead + Unpin)) -> Heard {
    let mut bytes = Vec::new();
    let mut part = vec![0; 16 * 1024];
    let (head, rest, length) = loop {
        let n = socket
            .read(&mut part)
            .await
            .expect("an answer, not a reset");
        assert!(n > 0, "{:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&part[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, rest)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        if rest.len() >= length {
            break (head.to_owned(), rest.to_owned(), length);
        }
    };
    Heard {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        body: serde_json::from_str(&rest[..length]).unwrap_or_default(),
        head,
    }
}

async fn send_all(socket: &mut (impl AsyncWrite + Unpin), head: &str, bytes: usize) {
    socket.write_all(head.as_bytes()).await.unwrap();
    let part = vec![b'a'; 256 * 1024];
    let mut left = bytes;
    while left > 0 {
        let n = left.min(part.len());
        socket
            .write_all(&part[..n])
            .await
            .expect("the server reads on");
        left -= n;
    }
    socket.flush().await.unwrap();
}

async fn deaf_client<S: AsyncRead + AsyncWrite + Unpin>(mut socket: S, head: &str) -> Heard {
    let talk = async {
        send_all(&mut socket, head, LARGE).await;
        hear(&mut socket).await
    };
    tokio::time::timeout(SOON, talk).await.expect("an answer")
}

fn told(bytes: usize) -> String {
    format!("content-length: {bytes}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_large_body_is_heard_over_plain_http() {
    let panel = Panel::open(World::on_sqlite().await).await;
    let admin = panel.as_admin().await;
    for round in 0..ROUNDS {
        // By its length, by who asks, by what it asks for.
        for (person, path, status, code) in [
            (Some(&admin), "/eggs/import", 413, "too_large"),
            (None, "/servers", 413, "too_large"),
            (None, "/nowhere", 404, "not_found"),
        ] {
            let socket = TcpStream::connect(panel.address).await.unwrap();
            let heard = deaf_client(socket, &head(person, path, &told(LARGE), "")).await;
            assert_eq!(heard.status, status, "{round}: {path}: {}", heard.head);
            assert_eq!(heard.body["code"], code, "{round}: {path}");
            assert!(heard.head.contains("connection: close"), "{}", heard.head);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_does_not_wait_for_the_body() {
    let panel = Panel::open(World::on_sqlite().await).await;
    for huge in [LARGE, 1 << 40] {
        let mut socket = TcpStream::connect(panel.address).await.unwrap();
        let head = head(None, "/servers", &told(huge), "");
        socket.write_all(head.as_bytes()).await.unwrap();
        let heard = tokio::time::timeout(Duration::from_secs(4), hear(&mut socket)).await;
        assert_eq!(heard.expect("at once").status, 413);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_first_is_told_to_keep_the_body() {
    let panel = Panel::open(World::on_sqlite().await).await;
    let mut socket = TcpStream::connect(panel.address).await.unwrap();
    let more = "expect: 100-continue\r\n";
    let head = head(None, "/servers", &told(LARGE), more);
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut all = String::new();
    let read = tokio::time::timeout(SOON, socket.read_to_string(&mut all));
    read.await.expect("closed at once").unwrap();
    assert!(all.starts_with("HTTP/1.1 413"), "{all}");
    assert!(!all.contains("100 Continue"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_body_that_nobody_read_costs_no_connection() {
    let panel = Panel::open(World::on_sqlite().await).await;
    let mut socket = TcpStream::connect(panel.address).await.unwrap();
    for _ in 0..3 {
        let head = head(None, "/nowhere", &told(40_000), "");
        send_all(&mut socket, &head, 40_000).await;
        let heard = tokio::time::timeout(SOON, hear(&mut socket)).await.unwrap();
        assert_eq!(heard.status, 404);
        assert!(!heard.head.contains("connection: close"), "{}", heard.head);
    }
}

/// Whoever sends without end is reset at the bound, and holds no task.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_is_cut_off() {
    let panel = Panel::open(World::on_sqlite().await).await;
    let mut socket = TcpStream::connect(panel.address).await.unwrap();
    let head = head(None, "/servers", &told(1 << 40), "");
    socket.write_all(head.as_bytes()).await.unwrap();
    let part = vec![b'a'; 1 << 20];
    let send = async {
        let mut sent = 0usize;
        while socket.write_all(&part).await.is_ok() {
            sent += part.len();
        }
        sent
    };
    let sent = tokio::time::timeout(SOON, send).await.expect("cut off");
    // The bound, and what the buffers of two sockets hold.
    assert!(
        (64 << 20..96 << 20).contains(&sent),
        "{} MiB were taken",
        sent >> 20
    );
}

async fn over_tls(panel: &Panel, address: SocketAddr) -> TlsStream<TcpStream> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let https = panel.world.app.config.data_dir.join("https/cert.pem");
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(https).unwrap())
        .unwrap();
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, TcpStream::connect(address).await.unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_large_body_is_heard_over_https() {
    let world = with(World::on_sqlite().await, |config| {
        config.tls.mode = TlsMode::SelfSigned;
        config.http_listen = "127.0.0.1:0".into();
    });
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let stop = CancellationToken::new();
    let (tell, told_where) = tokio::sync::oneshot::channel();
    let app = panel.world.app.clone();
    let serving = tokio::spawn(http::serve(app, stop.clone(), Some(tell)));
    let address = told_where.await.unwrap().address;
    for round in 0..ROUNDS {
        let socket = over_tls(&panel, address).await;
        let heard = deaf_client(
            socket,
            &head(Some(&admin), "/eggs/import", &told(LARGE), ""),
        )
        .await;
        assert_eq!(heard.status, 413, "{round}");
        assert_eq!(heard.body["code"], "too_large");
    }
    // HTTP/2: the stream ends, the connection lives on.
    let client = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .build()
        .unwrap();
    for _ in 0..ROUNDS {
        let request = client
            .post(format!("https://{address}/api/v1/eggs/import"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(vec![b'a'; LARGE]);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        assert_eq!(answer.status(), 413);
        let problem: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(problem["code"], "too_large");
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
}
