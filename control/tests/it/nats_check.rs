//! nats-servers of others: which will do, and what is said about those that will not.

use std::{os::unix::fs::PermissionsExt, path::PathBuf};

use tokio::{io::AsyncWriteExt, net::TcpListener};
use warren_control::{
    clock::Clock,
    http,
    keys::{self, Init},
    nats_check::{self, Error},
};
use warren_harness::{Nats, eventually_async, free_port};
use warren_proto::bus::version::FLOOR;

use crate::{
    http_panel::Panel,
    world::{SOON, World},
};

const CONF: &str = "/srv/warren/nats.conf";

async fn said(world: &World, url: &str) -> Result<(), String> {
    let asked = world
        .app
        .reconfigured(|config| config.nats_urls = vec![url.to_owned()]);
    match nats_check::check(&asked, Some(&PathBuf::from(CONF))).await {
        Ok(found) => {
            assert_eq!(found[0].0, url);
            Ok(())
        }
        Err(Error::Internal(error)) => panic!("{error:#}"),
        Err(error) => Err(error.to_string()),
    }
}

#[track_caller]
fn names(said: Result<(), String>, words: &[&str]) {
    let said = said.unwrap_err();
    for word in words {
        assert!(said.contains(word), "{word:?} in: {said}");
    }
}

/// The configuration of this world's own server, on another port and changed.
fn twin(world: &World, change: impl FnOnce(String) -> String) -> Nats {
    let text = std::fs::read_to_string(world.nats.conf_path()).unwrap();
    let own = format!("127.0.0.1:{}", world.nats.port());
    let dir = world.nats.conf_path().parent().unwrap();
    let text = text
        .replace(&own, "127.0.0.1:{{PORT}}")
        .replace(&dir.display().to_string(), "{{DIR}}");
    Nats::start(&change(text)).unwrap()
}

/// The block from `word {` to its end, without nested ones.
fn without(text: &str, word: &str) -> String {
    let at = text.find(&format!("{word} {{")).unwrap();
    // Places to be filled in are braces, too, and balanced.
    let mut depth = 0;
    let closes = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == '}' && depth == 0
    };
    let end = at + text[at..].find(closes).unwrap() + 1;
    format!("{}{}", &text[..at], &text[end..])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_runs_with_our_nats_conf_will_do() {
    let world = World::on_sqlite().await;
    said(&world, &world.nats.url()).await.unwrap();
    let other = twin(&world, |text| text);
    said(&world, &other.url()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_will_not_do_is_named_with_what_to_change() {
    let world = World::on_sqlite().await;
    let listen = "listen: \"127.0.0.1:{{PORT}}\"\n";

    let open = Nats::start(listen).unwrap();
    names(
        said(&world, &open.url()).await,
        &[&open.url(), "operator mode", CONF],
    );
    let password = format!("{listen}authorization {{ user: a, password: b }}\n");
    let password = Nats::start(&password).unwrap();
    names(
        said(&world, &password.url()).await,
        &[&password.url(), "operator mode", CONF],
    );
    let stranger = World::on_sqlite().await;
    let foreign = stranger.nats.url();
    names(
        said(&world, &foreign).await,
        &[&foreign, "does not know this installation's operator", CONF],
    );

    let forgetful = twin(&world, |text| {
        without(&text, "resolver") + "resolver: MEMORY\n"
    });
    names(
        said(&world, &forgetful.url()).await,
        &[&forgetful.url(), "full resolver", CONF],
    );
    let streamless = twin(&world, |text| without(&text, "jetstream"));
    names(
        said(&world, &streamless.url()).await,
        &[&streamless.url(), "JetStream", CONF],
    );
    let tls = world.nats.url().replace("nats://", "tls://");
    names(
        said(&world, &tls).await,
        &[&tls, "speaks no TLS", "nats://"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_no_nats_server_is_named() {
    let world = World::on_sqlite().await;
    let nobody = format!("nats://127.0.0.1:{}", free_port().unwrap());
    names(said(&world, &nobody).await, &[&nobody, "firewall"]);
    for text in ["127.0.0.1:4222", "http://127.0.0.1:4222", "nats://a:b"] {
        names(said(&world, text).await, &[text, "nats://host:port"]);
    }
    // The panel itself is no nats-server.
    let panel = Panel::open(World::on_sqlite().await).await;
    let url = format!("nats://{}", panel.address);
    names(said(&world, &url).await, &[&url, "no nats-server"]);
}

/// No server below the floor can be had any more: this one says only that it is one.
async fn old_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let info = r#"{"server_id":"NOLD","server_name":"old","version":"2.9.9","proto":1,"host":"127.0.0.1","port":4222,"headers":true,"auth_required":true,"nonce":"x","max_payload":1048576}"#;
                let greeting = format!("INFO {info}\r\n");
                drop(socket.write_all(greeting.as_bytes()).await);
                // Whatever is asked is answered by the end of a handshake.
                let mut sink = vec![0; 4096];
                while tokio::io::AsyncReadExt::read(&mut socket, &mut sink)
                    .await
                    .is_ok_and(|n| n > 0)
                {
                    drop(socket.write_all(b"PONG\r\n").await);
                }
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_too_old_is_named_before_and_while_running() {
    let world = World::on_sqlite().await;
    let url = old_server().await;
    names(
        said(&world, &url).await,
        &[&url, "2.9.9", &FLOOR.to_string(), "install"],
    );
    // Control itself, on such a server: it lives, and says why it is not ready.
    let mut config = world.config.clone();
    config.nats_urls = vec![url];
    let ground = warren_control::app::Ground::open(config, warren_control::db::Role::Tool)
        .await
        .unwrap();
    let app = warren_control::app::App::start(ground).await.unwrap();
    let ready = eventually_async("control to say so", SOON, || async {
        let service = http::router(app.clone());
        let request = axum_request();
        let answer = tower::ServiceExt::oneshot(service, request).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 10_000)
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&body).into_owned();
        (status == 503).then_some(text)
    });
    let text = ready.await.unwrap();
    for word in ["2.9.9", "too old", "install"] {
        assert!(text.contains(word), "{text}");
    }
}

fn axum_request() -> axum::extract::Request {
    axum::http::Request::builder()
        .uri("/readyz")
        .header("host", "localhost")
        .body(axum::body::Body::empty())
        .unwrap()
}

#[tokio::test]
async fn init_with_a_program_that_is_too_old_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("nats-server");
    std::fs::write(&program, "#!/bin/sh\necho 'nats-server: v2.9.9'\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = dir.path().join("control");
    let environment = [(
        "WARREN_CONTROL_DATA_DIR".to_owned(),
        data.display().to_string(),
    )];
    let config =
        warren_control::config::Config::from_parts(None, environment.into_iter().collect())
            .unwrap();
    let ask = Init {
        nats_dir: dir.path().join("nats"),
        listen: "127.0.0.1:4222".into(),
        monitor: None,
        addresses: Vec::new(),
        tls: false,
        nats_server: program.clone(),
    };
    let error = keys::init(&config, &Clock::system(), &ask)
        .await
        .unwrap_err();
    let text = format!("{error:#}");
    for word in [&program.display().to_string(), "2.9.9", "--nats-server"] {
        assert!(text.contains(word), "{text}");
    }
    assert!(!data.exists() && !dir.path().join("nats").exists());
    let missing = Init {
        nats_server: dir.path().join("none"),
        ..ask
    };
    let error = keys::init(&config, &Clock::system(), &missing).await;
    let text = format!("{:#}", error.unwrap_err());
    assert!(text.contains("apt-get install nats-server"), "{text}");
}
