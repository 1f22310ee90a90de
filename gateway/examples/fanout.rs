//! Both ends of `ops/bench fanout`: a gateway with an agent that prints lines, and a thousand viewers that
//! count what comes. Run by ops/benches/fanout.mjs, which holds a broadcaster of another kind beside it.
//!
//! `fanout serve` and `fanout viewers` talk to it by lines of JSON on stdin and stdout.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

#[path = "../tests/it/rig.rs"]
mod rig;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use clap::{Parser, Subcommand};
use rig::{Person, Rig};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, sleep, timeout};

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    side: Side,
}

#[derive(Subcommand)]
enum Side {
    /// Starts everything up to the gateway; for each line {lines, tick_ms, seconds} on stdin it prints so long.
    Serve,
    /// Connects, tells when all have begun, and counts until stdin ends.
    Viewers {
        #[arg(long)]
        port: u16,
        #[arg(long)]
        count: usize,
        /// What each says first: JSON texts.
        #[arg(long)]
        say: Vec<String>,
    },
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    match Args::parse().side {
        Side::Serve => serve().await,
        Side::Viewers { port, count, say } => viewers(port, count, say).await,
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
        let per_second = run["lines"].as_u64().unwrap();
        let tick = Duration::from_micros(match run["tick_ms"].as_u64().unwrap() {
            0 => 1_000_000 / per_second,
            ms => ms * 1000,
        });
        let (before, began) = (cpu_seconds(), Instant::now());
        let (mut clock, mut printed, seconds) =
            (interval(tick), 0, run["seconds"].as_f64().unwrap());
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
                agent.print(lines.as_bytes()).await;
                printed = due;
            }
        }
        sleep(Duration::from_millis(500)).await;
        let skipped = rig.gateway.edge.metrics.bytes_skipped.get();
        tell(&json!({"cpu_s": cpu_seconds() - before, "lines": printed, "skipped_bytes": skipped}));
    }
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

async fn viewers(port: u16, count: usize, say: Vec<String>) {
    let (lines, frames, latencies) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
        Arc::default(),
    );
    for _ in 0..count {
        let mut stream = greet(port, &say).await;
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
                    Ok(n) => count_lines(&buffer[..n], &lines, &frames, &latencies),
                }
            }
        });
    }
    tell(&json!({"ready": count}));
    while order().await.is_some() {
        let mut all: Vec<u64> = std::mem::take(&mut *latencies.lock());
        all.sort_unstable();
        let at = |p: usize| {
            all.get(all.len().saturating_sub(1) * p / 100)
                .copied()
                .unwrap_or(0)
        };
        tell(
            &json!({"lines": lines.swap(0, Relaxed), "frames": frames.swap(0, Relaxed), "p50_us": at(50), "p99_us": at(99)}),
        );
    }
}

type Latencies = parking_lot::Mutex<Vec<u64>>;

/// Every line begins with `@#`, which no head of a frame has but by a rare chance. One in a thousand tells its
/// age.
fn count_lines(bytes: &[u8], lines: &AtomicU64, frames: &AtomicU64, latencies: &Latencies) {
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
    let sampled = before / 997 != (before + found) / 997;
    if let Some(at) = first.filter(|_| sampled)
        && let Some(hex) = bytes.get(at + 2..at + 18)
        && let Ok(made) = u64::from_str_radix(&String::from_utf8_lossy(hex), 16)
    {
        latencies.lock().push(now_us().saturating_sub(made));
    }
}

async fn greet(port: u16, say: &[String]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
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
