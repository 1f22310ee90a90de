//! The ends of `ops/bench fanout` and `ops/bench viewers`: a gateway with an agent that prints lines, a bare socket
//! for each viewer as the least that delivering takes, and a thousand viewers that count what comes. Run by
//! ops/benches/fanout.mjs and viewers.mjs, which hold a broadcaster of another kind beside them.
//!
//! All talk to it by lines of JSON on stdin and stdout.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

#[path = "../tests/it/rig.rs"]
mod rig;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use clap::{Parser, Subcommand};
use rig::{Person, Rig};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, interval, sleep, timeout};

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    side: Side,
}

#[derive(Subcommand)]
enum Side {
    /// Starts everything up to the gateway; for each line {lines, tick_ms, seconds} on stdin it prints so long, for
    /// {rss: true} it tells its memory.
    Serve,
    /// The same without any of it: one write of a ready frame to each socket.
    Floor,
    /// Connects, tells when all have begun, and counts until stdin ends.
    Viewers {
        #[arg(long)]
        port: u16,
        #[arg(long)]
        count: usize,
        /// What each says first: JSON texts.
        #[arg(long)]
        say: Vec<String>,
        /// One line in so many tells its age.
        #[arg(long, default_value_t = 997)]
        every: u64,
        /// The last so many read nothing until {resume: true}.
        #[arg(long, default_value_t = 0)]
        stalled: usize,
    },
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    match Args::parse().side {
        Side::Serve => serve().await,
        Side::Floor => floor().await,
        Side::Viewers {
            port,
            count,
            say,
            every,
            stalled,
        } => viewers(port, count, &say, every, stalled).await,
    }
}

async fn serve() {
    let rig = Rig::start().await;
    let agent = rig.agent().await;
    let person = Person::new();
    tell(&json!({
        "port": rig.gateway.address.port(),
        "say": [
            json!({"t": "auth", "ticket": rig.control.ticket(&person.mine(Default::default()))}).to_string(),
            json!({"t": "sub", "id": 1, "topic": "server", "server": agent.server, "tail_bytes": 0,
                "ticket": rig.control.ticket(&person.for_server(&agent))}).to_string(),
        ],
    }));
    while let Some(run) = order().await {
        if tell_memory(&run) {
            continue;
        }
        let before = cpu_seconds();
        let printed = print(&run, async |lines| agent.print(lines).await).await;
        sleep(Duration::from_millis(500)).await;
        let skipped = rig.gateway.edge.metrics.bytes_skipped.get();
        tell(&json!({"cpu_s": cpu_seconds() - before, "lines": printed, "skipped_bytes": skipped}));
    }
}

/// Says lines at the pace that was ordered; how many.
async fn print(run: &Value, mut say: impl AsyncFnMut(&[u8])) -> u64 {
    let per_second = run["lines"].as_u64().unwrap();
    let tick = Duration::from_micros(match run["tick_ms"].as_u64().unwrap() {
        0 => 1_000_000 / per_second,
        ms => ms * 1000,
    });
    let (began, seconds) = (Instant::now(), run["seconds"].as_f64().unwrap());
    let (mut clock, mut printed) = (interval(tick), 0);
    while began.elapsed().as_secs_f64() < seconds {
        clock.tick().await;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let due = (began.elapsed().as_secs_f64() * per_second as f64) as u64;
        let lines: String = (printed..due).map(|_| line()).collect();
        if !lines.is_empty() {
            say(lines.as_bytes()).await;
            printed = due;
        }
    }
    printed
}

/// What a frame of ours has before the game's bytes.
const HEAD_BYTES: usize = 70;

async fn floor() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sockets: Arc<parking_lot::Mutex<Vec<Arc<TcpStream>>>> = Arc::default();
    let all = Arc::clone(&sockets);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            socket
                .write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
                .await
                .unwrap();
            all.lock().push(Arc::new(socket));
        }
    });
    tell(&json!({"port": port, "say": []}));
    while let Some(run) = order().await {
        if tell_memory(&run) {
            continue;
        }
        let viewers = sockets.lock().clone();
        let before = cpu_seconds();
        let printed = print(&run, async |lines| {
            let size = u16::try_from(HEAD_BYTES + lines.len()).unwrap();
            let mut frame = vec![0x82, 126];
            frame.extend(size.to_be_bytes());
            frame.resize(4 + HEAD_BYTES, 0);
            frame.extend(lines);
            for viewer in &viewers {
                // Whoever does not keep up loses it: the floor waits for nobody.
                drop(viewer.try_write(&frame));
            }
        })
        .await;
        sleep(Duration::from_millis(500)).await;
        tell(&json!({"cpu_s": cpu_seconds() - before, "lines": printed, "skipped_bytes": 0}));
    }
}

/// Whether memory was asked for.
fn tell_memory(run: &Value) -> bool {
    if run["rss"] != true {
        return false;
    }
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    tell(&json!({"rss_bytes": pages * 4096}));
    true
}

/// A hundred bytes that tell when they were made, in microseconds.
fn line() -> String {
    format!("@#{:016x} {}\n", now_us(), "x".repeat(80))
}

fn now_us() -> u64 {
    u64::try_from(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_micros(),
    )
    .unwrap()
}

fn cpu_seconds() -> f64 {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).unwrap();
    let seconds = |t: nix::sys::time::TimeVal| {
        #[expect(clippy::cast_precision_loss)]
        let seconds = t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6;
        seconds
    };
    seconds(usage.user_time()) + seconds(usage.system_time())
}

async fn viewers(port: u16, count: usize, say: &[String], every: u64, stalled: usize) {
    let (lines, frames, latencies) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
        Arc::default(),
    );
    // Those that will stop reading have a small window, as over a real way: on loopback the kernel would take megabytes.
    let mut waiting = greet_all(port, stalled, say, Some(16 * 1024)).await;
    for mut stream in greet_all(port, count - stalled, say, None).await {
        let (lines, frames, latencies) = (lines.clone(), frames.clone(), Arc::clone(&latencies));
        tokio::spawn(async move {
            let mut buffer = vec![0; 128 * 1024];
            // A browser answers pings; whoever is silent for a minute is let go.
            let mut pong = interval(Duration::from_secs(15));
            loop {
                let read = tokio::select! {
                    read = stream.read(&mut buffer) => read,
                    _ = pong.tick() => stream.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await.map(|()| 1),
                };
                match read {
                    Ok(0) | Err(_) => break,
                    Ok(1) => {}
                    Ok(n) => count_lines(&buffer[..n], every, &lines, &frames, &latencies),
                }
            }
        });
    }
    tell(&json!({"ready": count}));
    while let Some(ask) = order().await {
        if ask["resume"] == true {
            let mut told = 0;
            for stream in &mut waiting {
                told += u64::from(hears_of_a_gap(stream).await);
            }
            tell(&json!({"told": told}));
            continue;
        }
        let mut all: Vec<u64> = std::mem::take(&mut *latencies.lock());
        all.sort_unstable();
        let at = |p: usize| {
            all.get(all.len().saturating_sub(1) * p / 100)
                .copied()
                .unwrap_or(0)
        };
        tell(
            &json!({"lines": lines.swap(0, Relaxed), "frames": frames.swap(0, Relaxed), "p50_us": at(50), "p99_us": at(99), "samples": all.len()}),
        );
    }
}

/// Reads what has waited until nothing more comes; whether it says which bytes are missing.
async fn hears_of_a_gap(stream: &mut TcpStream) -> bool {
    let mut all = Vec::new();
    let mut buffer = vec![0; 128 * 1024];
    while let Ok(Ok(n)) = timeout(Duration::from_millis(300), stream.read(&mut buffer)).await {
        if n == 0 {
            break;
        }
        all.extend_from_slice(&buffer[..n]);
    }
    let gap = br#""t":"gap""#;
    all.windows(gap.len()).any(|bytes| bytes == gap)
}

type Latencies = parking_lot::Mutex<Vec<u64>>;

/// Every line begins with `@#`, which no head of a frame has but by a rare chance. One in `every` tells its age.
fn count_lines(
    bytes: &[u8],
    every: u64,
    lines: &AtomicU64,
    frames: &AtomicU64,
    latencies: &Latencies,
) {
    let mut found = 0;
    let mut first = None;
    for (i, pair) in bytes.windows(2).enumerate() {
        if pair == b"@#" {
            found += 1;
            first.get_or_insert(i);
        }
    }
    frames.fetch_add(1, Relaxed);
    let before = lines.fetch_add(found, Relaxed);
    let sampled = before / every != (before + found) / every;
    if let Some(at) = first.filter(|_| sampled)
        && let Some(hex) = bytes.get(at + 2..at + 18)
        && let Ok(made) = u64::from_str_radix(&String::from_utf8_lossy(hex), 16)
    {
        latencies.lock().push(now_us().saturating_sub(made));
    }
}

/// Some at a time: each waits for an answer.
async fn greet_all(port: u16, count: usize, say: &[String], window: Option<u32>) -> Vec<TcpStream> {
    let say: Arc<[String]> = say.into();
    let mut all = Vec::new();
    while all.len() < count {
        let mut some = tokio::task::JoinSet::new();
        for _ in all.len()..count.min(all.len() + 64) {
            let say = Arc::clone(&say);
            some.spawn(async move { greet(port, &say, window).await });
        }
        all.extend(some.join_all().await);
    }
    all
}

async fn greet(port: u16, say: &[String], window: Option<u32>) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    if let Some(bytes) = window {
        socket.set_recv_buffer_size(bytes).unwrap();
    }
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = socket.connect(address).await.unwrap();
    let key = base64::engine::general_purpose::STANDARD.encode([7; 16]);
    let request = format!(
        "GET /ws HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    for text in say {
        let length = u16::try_from(text.len()).unwrap();
        // Masked with zeros: the text itself.
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend(length.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        stream.write_all(&frame).await.unwrap();
    }
    if !say.is_empty() {
        // The answer that it is subscribed.
        let mut answer = [0; 2];
        timeout(Duration::from_secs(10), stream.read_exact(&mut answer))
            .await
            .unwrap()
            .unwrap();
    }
    stream
}

fn tell(value: &Value) {
    println!("{value}");
    std::io::stdout().flush().unwrap();
}

async fn order() -> Option<Value> {
    static STDIN: std::sync::LazyLock<tokio::sync::Mutex<BufReader<tokio::io::Stdin>>> =
        std::sync::LazyLock::new(|| tokio::sync::Mutex::new(BufReader::new(tokio::io::stdin())));
    let mut text = String::new();
    let read = STDIN.lock().await.read_line(&mut text).await.unwrap();
    (read > 0).then(|| serde_json::from_str(&text).unwrap())
}
