//! What a browser does, and what it has seen.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use warren_proto::ids::{RunId, ServerId};

pub const SOON: Duration = Duration::from_secs(10);

/// Offset and data by run and stream, in the order in which they came.
pub type Frames = BTreeMap<(RunId, u8), Vec<(u64, Vec<u8>)>>;

pub struct Browser {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Console bytes by (run, stream), in the order in which they came with kind 1.
    pub live: Frames,
    /// The same of kind 2.
    pub asked: Frames,
    /// Control messages that nobody has waited for.
    pub said: Vec<Value>,
    pub closed: Option<u16>,
}

impl Browser {
    pub async fn connect(at: SocketAddr) -> Self {
        Self::connect_from(at, "127.0.0.1").await
    }

    /// Behind control or a proxy, which says where the browser is.
    pub async fn connect_from(at: SocketAddr, address: &str) -> Self {
        let mut request = format!("ws://{at}/ws").into_client_request().unwrap();
        let value = address.parse().unwrap();
        request.headers_mut().insert("x-forwarded-for", value);
        let (socket, _) = connect_async(request).await.unwrap();
        Self {
            socket,
            live: BTreeMap::new(),
            asked: BTreeMap::new(),
            said: Vec::new(),
            closed: None,
        }
    }

    pub async fn authed(at: SocketAddr, ticket: &str) -> Self {
        let mut browser = Self::connect(at).await;
        browser.say(json!({"t": "auth", "ticket": ticket})).await;
        browser
    }

    pub async fn say(&mut self, message: Value) {
        self.socket
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    pub async fn watch(&mut self, id: u32, server: ServerId, ticket: &str) {
        self.say(
            json!({"t": "sub", "id": id, "topic": "server", "server": server, "ticket": ticket}),
        )
        .await;
    }

    /// Reads one message; false once the connection is closed.
    async fn read(&mut self) -> bool {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => self.said.push(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Binary(frame))) => self.bytes(&frame),
            Some(Ok(Message::Close(close))) => {
                self.closed = Some(close.map_or(1005, |c| u16::from(c.code)));
                return false;
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => {
                self.closed.get_or_insert(1006);
                return false;
            }
        }
        true
    }

    fn bytes(&mut self, frame: &[u8]) {
        let run = std::str::from_utf8(&frame[28..54])
            .unwrap()
            .parse()
            .unwrap();
        let offset = u64::from_le_bytes(frame[54..62].try_into().unwrap());
        let all = if frame[0] == 1 {
            &mut self.live
        } else {
            &mut self.asked
        };
        all.entry((run, frame[1]))
            .or_default()
            .push((offset, frame[70..].to_vec()));
    }

    /// Reads until `done` says so.
    pub async fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let reading = async {
            while !done(self) {
                assert!(
                    self.read().await,
                    "closed with {:?} while waiting",
                    self.closed
                );
            }
        };
        if tokio::time::timeout(SOON, reading).await.is_err() {
            let of = |all: &Frames| {
                all.iter()
                    .map(|(k, v)| format!("{k:?}: {} frames", v.len()))
                    .collect::<Vec<_>>()
            };
            panic!(
                "{what} did not come; said {:?}; live {:?} asked {:?}",
                self.said,
                of(&self.live),
                of(&self.asked)
            );
        }
    }

    /// The next control message of this kind; those before it stay in `said`.
    pub async fn hear(&mut self, t: &str) -> Value {
        self.until(t, |b| b.said.iter().any(|m| m["t"] == t)).await;
        let at = self.said.iter().position(|m| m["t"] == t).unwrap();
        self.said.remove(at)
    }

    pub async fn until_closed(&mut self) -> u16 {
        self.until_closed_within(SOON).await
    }

    pub async fn until_closed_within(&mut self, within: Duration) -> u16 {
        let reading = async { while self.read().await {} };
        tokio::time::timeout(within, reading)
            .await
            .expect("not closed");
        self.closed.unwrap()
    }

    /// Live bytes from the first on; panics on a hole or an overlap.
    pub fn unbroken(&self, run: RunId, stream: u8) -> (u64, Vec<u8>) {
        let Some(frames) = self.live.get(&(run, stream)) else {
            return (0, Vec::new());
        };
        let start = frames[0].0;
        let mut all = Vec::new();
        for (offset, data) in frames {
            assert_eq!(*offset, start + all.len() as u64, "hole or overlap");
            all.extend_from_slice(data);
        }
        (start, all)
    }

    pub fn end(&self, run: RunId, stream: u8) -> u64 {
        self.live
            .get(&(run, stream))
            .and_then(|f| f.last())
            .map_or(0, |(o, d)| o + d.len() as u64)
    }
}
