//! A line between an agent and nats-server that fails at a chosen word.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Where the line fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    Never,
    /// A request to renew does not leave.
    BeforeTheRequest,
    /// The answer to it does not arrive.
    BeforeTheAnswer,
    /// It breaks after the answer, and none is made anew.
    AfterTheAnswer,
    /// The next connection is made, and nothing is heard on it after the server has taken the credential.
    AfterTheReconnect,
}

pub struct Proxy {
    pub at: SocketAddr,
    state: Arc<State>,
}

struct State {
    to: u16,
    fails: Mutex<Fails>,
    /// A renewal has been asked for under the present way of failing.
    asked: AtomicBool,
}

impl Proxy {
    pub async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let state = Arc::new(State {
            to,
            fails: Mutex::new(Fails::Never),
            asked: AtomicBool::new(false),
        });
        let line = state.clone();
        tokio::spawn(async move {
            while let Ok((agent, _)) = listener.accept().await {
                tokio::spawn(line.clone().carry(agent));
            }
        });
        Self { at, state }
    }

    /// From now on; what is connected stays.
    pub fn fail(&self, fails: Fails) {
        self.state.asked.store(false, SeqCst);
        *self.state.fails.lock() = fails;
    }

    pub fn asked(&self) -> bool {
        self.state.asked.load(SeqCst)
    }
}

impl State {
    fn after_the_ask(&self, which: Fails) -> bool {
        self.asked.load(SeqCst) && *self.fails.lock() == which
    }

    async fn carry(self: Arc<Self>, agent: TcpStream) {
        if self.after_the_ask(Fails::AfterTheAnswer) {
            return;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.to)).await else {
            return;
        };
        let deaf = self.after_the_ask(Fails::AfterTheReconnect);
        let (from_agent, to_agent) = agent.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = self.up(from_agent, to_server) => {}
            () = self.down(from_server, to_agent, deaf) => {}
        }
    }

    async fn up(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut part = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut part).await {
            let renews = contains(&part[..n], b".ask.renew");
            if renews {
                self.asked.store(true, SeqCst);
                if *self.fails.lock() == Fails::BeforeTheRequest {
                    return std::future::pending().await;
                }
            }
            if to.write_all(&part[..n]).await.is_err() {
                return;
            }
        }
    }

    async fn down(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, deaf: bool) {
        let mut part = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut part).await {
            if self.after_the_ask(Fails::BeforeTheAnswer) {
                return std::future::pending().await;
            }
            if to.write_all(&part[..n]).await.is_err() {
                return;
            }
            if deaf && contains(&part[..n], b"PONG") {
                return std::future::pending().await;
            }
        }
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|w| w == word)
}
