//! WebSocket frames (RFC 6455), server side only. Ours, because a frame is written once and handed to every
//! viewer as it is, and because what a browser may send us is small and bounded.

use bytes::{Buf, Bytes, BytesMut};

/// The largest message that a browser may send, in bytes: a ticket for a thousand servers fits.
pub const MAX_MESSAGE: usize = 128 * 1024;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What a browser said.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    Text(String),
    Ping(Bytes),
    Pong,
    Close,
}

/// The other side broke the protocol; the code goes into our close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Violation {
    pub code: u16,
    pub why: &'static str,
}

fn protocol(why: &'static str) -> Violation {
    Violation { code: 1002, why }
}

pub fn text(payload: &str) -> Bytes {
    encode(TEXT, &[payload.as_bytes()])
}

/// A binary frame of several parts, in one piece.
pub fn binary(parts: &[&[u8]]) -> Bytes {
    encode(BINARY, parts)
}

pub fn ping() -> Bytes {
    encode(PING, &[])
}

pub fn pong(payload: &[u8]) -> Bytes {
    encode(PONG, &[payload])
}

/// `reason` is cut at 120 bytes, as a control frame must be.
pub fn close(code: u16, reason: &str) -> Bytes {
    let end = (0..=reason.len().min(120))
        .rev()
        .find(|i| reason.is_char_boundary(*i));
    encode(
        CLOSE,
        &[&code.to_be_bytes(), &reason.as_bytes()[..end.unwrap_or(0)]],
    )
}

fn encode(opcode: u8, parts: &[&[u8]]) -> Bytes {
    let length: usize = parts.iter().map(|p| p.len()).sum();
    let mut out = Vec::with_capacity(length + 10);
    out.push(0x80 | opcode);
    match length {
        0..=125 => out.push(length.to_le_bytes()[0]),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(length as u64).to_be_bytes()[6..]);
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out.into()
}

/// Takes bytes as they come and gives whole messages.
#[derive(Default)]
pub struct Parser {
    buffer: BytesMut,
    /// A text message whose last fragment has not come.
    fragments: Option<BytesMut>,
}

impl Parser {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message; `None` when more bytes are needed.
    /// # Errors
    /// [`Violation`]: answer with its close code and end the connection.
    pub fn take_message(&mut self) -> Result<Option<Incoming>, Violation> {
        loop {
            let Some((head, payload)) = self.frame()? else {
                if self.buffer.is_empty() {
                    // An idle viewer holds no memory here.
                    self.buffer = BytesMut::new();
                }
                return Ok(None);
            };
            if let Some(message) = self.take(head, payload)? {
                return Ok(Some(message));
            }
        }
    }

    fn frame(&mut self) -> Result<Option<(Head, BytesMut)>, Violation> {
        let Some(head) = Head::read(&self.buffer)? else {
            return Ok(None);
        };
        let waiting = self.fragments.as_ref().map_or(0, BytesMut::len);
        if head.length + waiting > MAX_MESSAGE {
            return Err(Violation {
                code: 1009,
                why: "message too big",
            });
        }
        if self.buffer.len() < head.size + head.length {
            return Ok(None);
        }
        self.buffer.advance(head.size);
        let mut payload = self.buffer.split_to(head.length);
        for (i, byte) in payload.iter_mut().enumerate() {
            *byte ^= head.mask[i % 4];
        }
        Ok(Some((head, payload)))
    }

    fn take(&mut self, head: Head, payload: BytesMut) -> Result<Option<Incoming>, Violation> {
        match (head.opcode, head.last) {
            (PING, true) => Ok(Some(Incoming::Ping(payload.freeze()))),
            (PONG, true) => Ok(Some(Incoming::Pong)),
            (CLOSE, true) => Ok(Some(Incoming::Close)),
            (TEXT, _) if self.fragments.is_some() => Err(protocol("a new message within another")),
            (TEXT, true) => whole(payload).map(Some),
            (TEXT, false) => {
                self.fragments = Some(payload);
                Ok(None)
            }
            (0, last) => {
                let Some(mut message) = self.fragments.take() else {
                    return Err(protocol("a continuation of nothing"));
                };
                message.extend_from_slice(&payload);
                if last {
                    return whole(message).map(Some);
                }
                self.fragments = Some(message);
                Ok(None)
            }
            (BINARY, _) => Err(Violation {
                code: 1003,
                why: "binary messages are not taken",
            }),
            _ => Err(protocol("unknown frame")),
        }
    }
}

fn whole(payload: BytesMut) -> Result<Incoming, Violation> {
    String::from_utf8(payload.into())
        .map(Incoming::Text)
        .map_err(|_| Violation {
            code: 1007,
            why: "text is not UTF-8",
        })
}

struct Head {
    last: bool,
    opcode: u8,
    mask: [u8; 4],
    length: usize,
    /// Of the head itself.
    size: usize,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Option<Self>, Violation> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        let (last, opcode) = (first & 0x80 != 0, first & 0x0f);
        if first & 0x70 != 0 {
            return Err(protocol("reserved bits"));
        }
        if second & 0x80 == 0 {
            return Err(protocol("a browser's frames are masked"));
        }
        let short = second & 0x7f;
        if opcode >= CLOSE && (!last || short > 125) {
            return Err(protocol("a control frame that is long or cut"));
        }
        let wide = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if rest.len() < wide + 4 {
            return Ok(None);
        }
        let length = if wide == 0 {
            u64::from(short)
        } else {
            rest[..wide].iter().fold(0, |n, b| (n << 8) | u64::from(*b))
        };
        let mut mask = [0; 4];
        mask.copy_from_slice(&rest[wide..wide + 4]);
        // A length beyond memory is beyond MAX_MESSAGE too.
        let length = usize::try_from(length)
            .unwrap_or(usize::MAX / 2)
            .min(usize::MAX / 2);
        Ok(Some(Self {
            last,
            opcode,
            mask,
            length,
            size: 2 + wide + 4,
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let mut sent = masked(0x81, b"hello");
        sent.extend(masked(0x01, b"wor"));
        sent.extend(masked(0x89, b"p"));
        sent.extend(masked(0x80, b"ld"));
        sent.extend(masked(0x81, &vec![b'x'; 70_000]));
        for size in [1, 2, 3, 7, 4096, sent.len()] {
            let mut parser = Parser::default();
            let mut got = Vec::new();
            for piece in sent.chunks(size) {
                parser.feed(piece);
                while let Some(message) = parser.take_message().unwrap() {
                    got.push(message);
                }
            }
            let long = "x".repeat(70_000);
            assert_eq!(
                got,
                [
                    Incoming::Text("hello".into()),
                    Incoming::Ping(Bytes::from_static(b"p")),
                    Incoming::Text("world".into()),
                    Incoming::Text(long),
                ]
            );
        }
    }

    #[test]
    fn whatever_breaks_the_rules_ends_with_its_code() {
        let code = |bytes: &[u8]| {
            let mut parser = Parser::default();
            parser.feed(bytes);
            parser.take_message().err().map(|v| v.code)
        };
        assert_eq!(code(&[0x81, 0x02, b'h', b'i']), Some(1002), "unmasked");
        assert_eq!(code(&masked(0x82, b"x")), Some(1003), "binary");
        assert_eq!(code(&masked(0x81, b"\xff")), Some(1007), "not UTF-8");
        assert_eq!(
            code(&masked(0x80, b"x")),
            Some(1002),
            "continuation of nothing"
        );
        assert_eq!(code(&masked(0xc1, b"x")), Some(1002), "reserved bit");
        assert_eq!(code(&masked(0x83, b"x")), Some(1002), "unknown opcode");
        assert_eq!(code(&masked(0x09, b"x")), Some(1002), "cut ping");
        // Refused by its length alone: a gibibyte is never waited for.
        assert_eq!(
            code(&[0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]),
            Some(1009)
        );
        assert_eq!(
            code(&[
                0x81, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4
            ]),
            Some(1009)
        );
    }

    #[test]
    fn fragments_add_up_to_the_limit_and_no_further() {
        let mut parser = Parser::default();
        parser.feed(&masked(0x01, &vec![b'x'; MAX_MESSAGE - 10]));
        assert_eq!(parser.take_message().unwrap(), None);
        parser.feed(&masked(0x00, &[b'x'; 11]));
        assert_eq!(parser.take_message().unwrap_err().code, 1009);
    }

    #[test]
    fn ours_carry_their_length_in_each_width() {
        assert_eq!(&text("hi")[..], b"\x81\x02hi");
        assert_eq!(&binary(&[&[0; 200]])[..4], [0x82, 126, 0, 200]);
        assert_eq!(
            &binary(&[&[0; 70_000]])[..10],
            [0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]
        );
        assert_eq!(close(4403, &"é".repeat(200)).len(), 2 + 2 + 120);
    }

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![first];
        match payload.len() {
            n @ 0..=125 => out.push(0x80 | u8::try_from(n).unwrap()),
            n @ 126..=0xffff => {
                out.push(0x80 | 126);
                out.extend(u16::try_from(n).unwrap().to_be_bytes());
            }
            n => {
                out.push(0x80 | 127);
                out.extend((n as u64).to_be_bytes());
            }
        }
        let mask = [1u8, 2, 3, 4];
        out.extend(mask);
        out.extend(payload.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]));
        out
    }
}
