//! The JSON that goes over a WebSocket, both ways.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use warren_proto::ids::{CommandId, RunId, ServerId};
use warren_proto::wire::{self, ConsoleStream, InputResult};

/// Which bytes of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    Game,
    Warren,
    Install,
}

impl Stream {
    pub const ALL: [Self; 3] = [Self::Game, Self::Warren, Self::Install];

    pub fn name(self) -> &'static str {
        match self {
            Self::Game => "game",
            Self::Warren => "warren",
            Self::Install => "install",
        }
    }

    pub fn number(self) -> u8 {
        match self {
            Self::Game => 0,
            Self::Warren => 1,
            Self::Install => 2,
        }
    }

    pub fn index(self) -> usize {
        usize::from(self.number())
    }

    pub fn wire(self) -> ConsoleStream {
        match self {
            Self::Game => ConsoleStream::Game,
            Self::Warren => ConsoleStream::Warren,
            Self::Install => ConsoleStream::Install,
        }
    }

    /// `None` for a stream that this version does not know.
    pub fn of(number: i32) -> Option<Self> {
        match ConsoleStream::try_from(number).ok()? {
            ConsoleStream::Game => Some(Self::Game),
            ConsoleStream::Warren => Some(Self::Warren),
            ConsoleStream::Install => Some(Self::Install),
        }
    }
}

/// What a browser asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Auth { ticket: String },
    SubServer { id: u32, sub: SubServer },
    SubMine { id: u32, after: Option<u64> },
    Unsub { id: u32 },
    Range { id: u32, range: Range },
    Input { id: u32, input: Input },
    Renew { id: u32, ticket: String },
    Ping { n: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SubServer {
    pub server: ServerId,
    pub ticket: String,
    /// Where the browser left off.
    #[serde(default)]
    pub from: Option<From>,
    /// How much of the past to begin with, at most 256 KiB.
    #[serde(default = "default_tail")]
    pub tail_bytes: u32,
}

fn default_tail() -> u32 {
    65_536
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct From {
    pub run: RunId,
    #[serde(default)]
    pub game: Option<u64>,
    #[serde(default)]
    pub warren: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Range {
    #[serde(default)]
    pub req: u64,
    pub run: RunId,
    pub stream: Stream,
    pub from: u64,
    pub to: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Input {
    #[serde(default)]
    pub req: u64,
    pub line: String,
    /// Whoever has one may ask for what became of the line later, here or by the API: an id is typed once.
    #[serde(default)]
    pub line_id: Option<CommandId>,
}

/// Reads one message.
/// # Errors
/// What does not fit, for the browser's console.
pub fn read(text: &str) -> Result<Said, String> {
    // Read twice on purpose: with `arbitrary_precision` on, serde's tagged enums can not hold numbers.
    let head: Head = part(text)?;
    let id = || head.id.ok_or_else(|| format!("`{}` needs an id", head.t));
    match head.t.as_str() {
        "auth" => Ok(Said::Auth {
            ticket: part::<WithTicket>(text)?.ticket,
        }),
        "sub" => match head.topic.as_deref() {
            Some("server") => Ok(Said::SubServer {
                id: id()?,
                sub: part(text)?,
            }),
            Some("mine") => Ok(Said::SubMine {
                id: id()?,
                after: part::<WithAfter>(text)?.after,
            }),
            _ => Err("unknown topic".into()),
        },
        "unsub" => Ok(Said::Unsub { id: id()? }),
        "range" => Ok(Said::Range {
            id: id()?,
            range: part(text)?,
        }),
        "input" => Ok(Said::Input {
            id: id()?,
            input: part(text)?,
        }),
        "renew" => Ok(Said::Renew {
            id: id()?,
            ticket: part::<WithTicket>(text)?.ticket,
        }),
        "ping" => Ok(Said::Ping {
            n: part::<Ping>(text)?.n,
        }),
        _ => Err("unknown message".into()),
    }
}

#[derive(Deserialize)]
struct Head {
    t: String,
    #[serde(default)]
    id: Option<u32>,
    #[serde(default)]
    topic: Option<String>,
}

#[derive(Deserialize)]
struct WithTicket {
    ticket: String,
}

#[derive(Deserialize)]
struct WithAfter {
    #[serde(default)]
    after: Option<u64>,
}

#[derive(Deserialize)]
struct Ping {
    #[serde(default, deserialize_with = "any_number")]
    n: u64,
}

/// A browser may put a time with a fraction there.
fn any_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is only sent back"
    )]
    Ok(value
        .as_u64()
        .or_else(|| value.as_f64().map(|f| f as u64))
        .unwrap_or(0))
}

fn part<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

pub fn ok(id: u32, run: Option<RunId>, game: u64, warren: u64) -> String {
    json!({"t": "ok", "id": id, "run": run, "ends": {"game": game, "warren": warren}}).to_string()
}

pub fn ok_mine(id: u32, seq: u64) -> String {
    json!({"t": "ok", "id": id, "seq": seq}).to_string()
}

/// Events may have been missed: what there is now has to be fetched. `seq` is the last one that was heard.
pub fn back(id: u32, seq: u64) -> String {
    json!({"t": "back", "id": id, "seq": seq}).to_string()
}

pub fn run(id: u32, run: RunId) -> String {
    json!({"t": "run", "id": id, "run": run}).to_string()
}

pub fn gap(id: u32, run: RunId, stream: Stream, from: u64, to: u64, reason: &str) -> String {
    json!({"t": "gap", "id": id, "run": run, "stream": stream.name(), "from": from, "to": to, "reason": reason})
        .to_string()
}

pub fn node(id: u32, online: bool, since: time::OffsetDateTime) -> String {
    let state = if online { "online" } else { "offline" };
    let since = since.format(&Rfc3339).ok();
    json!({"t": "node", "id": id, "state": state, "since": since}).to_string()
}

pub fn end(id: u32, code: &str, message: &str) -> String {
    json!({"t": "end", "id": id, "code": code, "message": message}).to_string()
}

pub fn error(id: Option<u32>, req: Option<u64>, code: &str, message: &str) -> String {
    let mut error = json!({"t": "error", "code": code, "message": message});
    // A browser tells what an error is about by what is there.
    if let Some(id) = id {
        error["id"] = id.into();
    }
    if let Some(req) = req {
        error["req"] = req.into();
    }
    error.to_string()
}

pub fn range_done(id: u32, req: u64) -> String {
    json!({"t": "range", "id": id, "req": req, "done": true}).to_string()
}

pub fn input(id: u32, req: u64, result: &str, message: Option<&str>) -> String {
    let mut answer = json!({"t": "input", "id": id, "req": req, "result": result});
    if let Some(message) = message {
        answer["message"] = message.into();
    }
    answer.to_string()
}

pub fn pong(n: u64) -> String {
    json!({"t": "pong", "n": n}).to_string()
}

pub fn input_result(result: InputResult) -> &'static str {
    match result {
        InputResult::Written => "written",
        InputResult::Busy => "busy",
        InputResult::Off => "off",
        InputResult::Unspecified => "refused",
    }
}

/// A stats message without its head, the same for all viewers; [`with_id`] completes it.
pub fn stats(frame: &wire::StatsFrame, run: Option<RunId>, game: u64, warren: u64) -> String {
    let s = frame.sample.clone().unwrap_or_default();
    let state = match frame.state() {
        wire::State::Unspecified => "",
        wire::State::New => "new",
        wire::State::Installing => "installing",
        wire::State::Stopped => "stopped",
        wire::State::Starting => "starting",
        wire::State::Running => "running",
        wire::State::Stopping => "stopping",
        wire::State::Crashed => "crashed",
        wire::State::Error => "error",
    };
    json!({
        "at": s.at_ms, "cpu_percent": s.cpu_percent, "memory_bytes": s.memory_bytes,
        "memory_limit_bytes": s.memory_limit_bytes, "rx_bytes": s.rx_bytes, "tx_bytes": s.tx_bytes,
        "disk_bytes": s.disk_bytes, "io_read_bytes": s.io_read_bytes, "io_write_bytes": s.io_write_bytes,
        "pids": s.pids, "uptime_ms": s.uptime_ms, "state": state,
        "ends": {"run": run, "game": game, "warren": warren},
    })
    .to_string()
}

/// Puts `t` and `id` in front of a shared object.
pub fn with_id(t: &str, id: u32, shared: &str) -> String {
    let rest = shared.strip_prefix('{').unwrap_or(shared);
    format!("{{\"t\":\"{t}\",\"id\":{id},{rest}")
}

/// An event for one subscription; `event` is JSON already.
pub fn event(id: u32, seq: u64, event: &str) -> String {
    format!("{{\"t\":\"event\",\"id\":{id},\"seq\":{seq},\"event\":{event}}}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn every_message_of_a_browser_reads() {
        let (server, run) = (ServerId::new(), RunId::new());
        let said = read(&format!(
            r#"{{"t":"sub","id":1,"topic":"server","server":"{server}","ticket":"x","from":{{"run":"{run}","game":5}},"tail_bytes":10}}"#
        ));
        let Ok(Said::SubServer { id: 1, sub }) = said else {
            panic!("{said:?}")
        };
        assert_eq!((sub.server, sub.tail_bytes), (server, 10));
        assert_eq!(sub.from.unwrap().game, Some(5));
        let said = read(&format!(
            r#"{{"t":"range","id":1,"req":2,"run":"{run}","stream":"warren","from":3,"to":4}}"#
        ));
        assert!(matches!(
            said,
            Ok(Said::Range {
                id: 1,
                range: Range {
                    req: 2,
                    from: 3,
                    to: 4,
                    ..
                }
            })
        ));
        assert_eq!(read(r#"{"t":"ping","n":1.5}"#), Ok(Said::Ping { n: 1 }));
        assert!(matches!(
            read(r#"{"t":"input","id":1,"req":9,"line":"say hi"}"#),
            Ok(Said::Input { .. })
        ));
        assert_eq!(
            read(r#"{"t":"sub","id":2,"topic":"mine","after":7}"#),
            Ok(Said::SubMine {
                id: 2,
                after: Some(7)
            })
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"t":"x"}"#,
            r#"{"t":"sub","topic":"mine"}"#,
            r#"{"t":"range","id":1}"#,
            r#"{"t":"sub","id":1,"topic":"server","server":"*","ticket":""}"#,
            r#"{"t":"unsub","id":-1}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let value: Value = serde_json::from_str(&error(Some(1), None, "c", "m")).unwrap();
        assert!(value.get("req").is_none() && value["id"] == json!(1));
        let value: Value = serde_json::from_str(&input(1, 2, "written", None)).unwrap();
        assert!(value.get("message").is_none());
    }

    #[test]
    fn shared_objects_get_their_head() {
        let frame = wire::StatsFrame::default();
        let whole = with_id("stats", 7, &stats(&frame, None, 1, 2));
        let value: Value = serde_json::from_str(&whole).unwrap();
        assert_eq!((&value["t"], &value["id"]), (&json!("stats"), &json!(7)));
        let value: Value = serde_json::from_str(&event(1, 2, r#"{"a":1}"#)).unwrap();
        assert_eq!(value["event"]["a"], json!(1));
    }
}
