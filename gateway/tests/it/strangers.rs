//! Sockets that show no ticket.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::browser::Browser;
use crate::rig::{Person, Rig, eventually};

/// Both ends of each socket are in this process.
fn raise_open_files() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(65_536), hard).unwrap();
}

async fn page(at: SocketAddr) -> String {
    let mut socket = TcpStream::connect(at).await.unwrap();
    let ask = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    socket.write_all(ask.as_bytes()).await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    text
}

fn value(page: &str, name: &str) -> i64 {
    let line = page
        .lines()
        .find_map(|l| l.strip_prefix(&format!("warren_gateway_{name} ")));
    line.unwrap_or_else(|| panic!("{name} in {page}"))
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_from_one_address_pushes_out_itself_alone() {
    raise_open_files();
    let rig = Rig::with(|config| config.strangers_per_address = 20).await;
    let at = rig.gateway.address;
    let neighbour = Browser::connect_from(at, "198.51.100.1").await;
    let mut storm = Vec::new();
    for _ in 0..400 {
        storm.push(Browser::connect_from(at, "203.0.113.9").await);
    }
    eventually("the storm to be let go", || {
        rig.gateway.edge.metrics.viewers.get() == 21
    })
    .await;
    let counted = page(at).await;
    assert_eq!(value(&counted, "strangers"), 21);
    assert_eq!(value(&counted, "strangers_cut_by_address_total"), 380);
    assert_eq!(value(&counted, "strangers_cut_total"), 0);
    for browser in &mut storm[..380] {
        assert_eq!(browser.until_closed().await, 4429);
    }
    // Somebody with a ticket gets in from there and stays, whatever follows.
    let person = Person::new();
    let ticket = rig.control.ticket(&person.mine(Default::default()));
    let mut honest = Browser::connect_from(at, "203.0.113.9").await;
    honest.say(json!({"t": "auth", "ticket": ticket})).await;
    honest.say(json!({"t": "ping", "n": 1})).await;
    honest.hear("pong").await;
    for _ in 0..40 {
        storm.push(Browser::connect_from(at, "203.0.113.9").await);
    }
    honest.say(json!({"t": "ping", "n": 2})).await;
    honest.hear("pong").await;
    drop(neighbour);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_from_everywhere_is_bounded_too() {
    raise_open_files();
    let rig = Rig::with(|config| config.strangers = 30).await;
    let at = rig.gateway.address;
    let mut storm = Vec::new();
    for n in 0..200 {
        storm.push(Browser::connect_from(at, &format!("203.0.113.{n}")).await);
    }
    eventually("the storm to be let go", || {
        rig.gateway.edge.metrics.viewers.get() == 30
    })
    .await;
    assert_eq!(value(&page(at).await, "strangers_cut_total"), 170);
    assert_eq!(storm[0].until_closed().await, 4429);
    let person = Person::new();
    let ticket = rig.control.ticket(&person.mine(Default::default()));
    let mut honest = Browser::authed(at, &ticket).await;
    honest.say(json!({"t": "ping", "n": 1})).await;
    honest.hear("pong").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_nothing_is_let_go_after_ten_seconds() {
    let rig = Rig::start().await;
    let at = rig.gateway.address;
    let began = Instant::now();
    let mut quiet = Browser::connect(at).await;
    let mut bare = TcpStream::connect(at).await.unwrap();
    let mut dripping = TcpStream::connect(at).await.unwrap();
    dripping.write_all(b"GET /ws HTTP/1.1\r\n").await.unwrap();
    let drip = async {
        // Until the socket is closed from the other side.
        while dripping.write_all(b"a: b\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    let gone = async {
        let mut rest = Vec::new();
        // A reset says it as well.
        drop(bare.read_to_end(&mut rest).await);
        assert!(rest.is_empty());
    };
    let all = async {
        tokio::join!(
            quiet.until_closed_within(Duration::from_secs(20)),
            drip,
            gone
        )
    };
    let (code, (), ()) = tokio::time::timeout(Duration::from_secs(20), all)
        .await
        .expect("all three are let go");
    assert_eq!(code, 4401);
    assert!(began.elapsed() > Duration::from_secs(9));
    let page = page(at).await;
    assert_eq!(value(&page, "strangers_late_total"), 1);
    assert_eq!(value(&page, "sockets_silent_total"), 1);
}
