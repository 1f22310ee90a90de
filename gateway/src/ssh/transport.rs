//! Packets over a socket, and the keys that they are under, exchanged anew from time to time (RFC 4253).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use super::cipher::{Cipher, Corrupt};
use super::kex::{self, Agreed, Failed, HostKeys, Said};
use super::wire::{Malformed, Put};
use super::{msg, reason};

/// What we say that we are; the version of the panel is nobody's business here.
const VERSION: &[u8] = b"SSH-2.0-Warren";
/// The client's line (RFC 4253, 4.2).
const MAX_VERSION: usize = 255;
/// Keys are good for so much, and so long.
const REKEY_BYTES: u64 = 4 << 30;
const REKEY_AFTER: Duration = Duration::from_secs(3600);
/// What waits for an exchange to end; a client that lets it never end is not waited for.
const MAX_HELD: usize = 1 << 20;
/// More than this waits to be sent: nothing is read before some of it is gone. Who asks and never listens fills their own socket.
const MAX_OUT: usize = 1 << 20;
/// Read at once.
const READ: usize = 256 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the other side has gone")]
    Gone,
    #[error("socket: {0}")]
    Io(#[from] io::Error),
    #[error("the other side speaks no SSH 2")]
    Version,
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    #[error(transparent)]
    Kex(#[from] Failed),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("{0}")]
    Protocol(&'static str),
}

impl Error {
    /// For the other side, if there is anything to say.
    pub fn reason(&self) -> Option<u32> {
        match self {
            Self::Gone | Self::Io(_) | Self::Version => None,
            Self::Corrupt(_) => Some(reason::MAC_ERROR),
            Self::Kex(_) => Some(reason::KEY_EXCHANGE_FAILED),
            Self::Malformed(_) | Self::Protocol(_) => Some(reason::PROTOCOL_ERROR),
        }
    }
}

/// How far an exchange has come.
enum Exchange {
    Idle,
    /// Ours is on its way.
    Offered(Vec<u8>),
    /// Theirs has come.
    Agreed(Vec<u8>, Bytes, Agreed),
    /// We are done, and what comes is under the old keys until they say so.
    Switching(Box<Cipher>),
}

/// See the module.
pub struct Transport {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    inbox: BytesMut,
    out: BytesMut,
    open: Cipher,
    seal: Cipher,
    keys: Arc<HostKeys>,
    client_version: Vec<u8>,
    /// Hash of the first exchange: the connection's name, which people's keys sign.
    session: Option<[u8; 32]>,
    strict: bool,
    skip: bool,
    exchange: Exchange,
    /// Came in one breath with the first keys.
    early: Option<Bytes>,
    held: BytesMut,
    moved: u64,
    keyed_at: Instant,
    /// After log-in keys may be exchanged by our own wish.
    pub may_rekey: bool,
}

impl Transport {
    /// Exchanges versions and keys. The caller sets a deadline.
    /// # Errors
    /// [`Error`]; what there is to say of it was sent.
    pub async fn accept(stream: TcpStream, keys: Arc<HostKeys>) -> Result<Self, Error> {
        stream.set_nodelay(true)?;
        let mut new = Self::new(stream, keys);
        match new.begin().await {
            Ok(()) => Ok(new),
            Err(error) => {
                new.say_bye(&error).await;
                Err(error)
            }
        }
    }

    fn new(stream: TcpStream, keys: Arc<HostKeys>) -> Self {
        let (read, write) = stream.into_split();
        Self {
            read,
            write,
            inbox: BytesMut::new(),
            out: BytesMut::new(),
            open: Cipher::clear(),
            seal: Cipher::clear(),
            keys,
            client_version: Vec::new(),
            session: None,
            strict: false,
            skip: false,
            exchange: Exchange::Idle,
            early: None,
            held: BytesMut::new(),
            moved: 0,
            keyed_at: Instant::now(),
            may_rekey: false,
        }
    }

    async fn begin(&mut self) -> Result<(), Error> {
        self.out.extend_from_slice(VERSION);
        self.out.extend_from_slice(b"\r\n");
        self.offer()?;
        self.flush().await?;
        self.client_version = self.version().await?;
        while self.session.is_none() || !matches!(self.exchange, Exchange::Idle) {
            // Only what is under keys gets as far as this.
            self.early = self.next_message()?;
            self.flush().await?;
            if self.session.is_none() || !matches!(self.exchange, Exchange::Idle) {
                self.fill().await?;
            }
        }
        Ok(())
    }

    async fn version(&mut self) -> Result<Vec<u8>, Error> {
        loop {
            if let Some(end) = self.inbox.iter().position(|byte| *byte == b'\n') {
                let mut line = self.inbox.split_to(end + 1);
                line.truncate(end);
                if line.last() == Some(&b'\r') {
                    line.truncate(end - 1);
                }
                let fits = line.len() <= MAX_VERSION && line.starts_with(b"SSH-2.0-");
                return fits.then(|| line.to_vec()).ok_or(Error::Version);
            }
            if self.inbox.len() > MAX_VERSION {
                return Err(Error::Version);
            }
            self.fill().await?;
        }
    }

    /// What the client says that it is.
    pub fn client(&self) -> String {
        let text = self.client_version.get(8..).unwrap_or_default();
        String::from_utf8_lossy(text)
            .chars()
            .filter(|c| !c.is_control())
            .collect()
    }

    /// The connection's name.
    pub fn session(&self) -> [u8; 32] {
        self.session.unwrap_or_default()
    }

    /// Reads what the socket has. Loses nothing when it is dropped.
    /// # Errors
    /// [`Error::Gone`] at the end.
    pub async fn fill(&mut self) -> Result<(), Error> {
        if self.inbox.capacity() - self.inbox.len() < READ / 4 {
            self.inbox.reserve(READ);
        }
        match self.read.read_buf(&mut self.inbox).await? {
            0 => Err(Error::Gone),
            read => {
                self.moved += read as u64;
                Ok(())
            }
        }
    }

    /// Sends a part of what is to be sent. Loses nothing when it is dropped.
    /// # Errors
    /// The socket's.
    pub async fn drain(&mut self) -> Result<(), Error> {
        let sent = self.write.write_buf(&mut self.out).await?;
        self.moved += sent as u64;
        match sent {
            0 => Err(Error::Gone),
            _ => Ok(()),
        }
    }

    /// Both at once: reads, and sends where there is something to send. What is read is answered, so nothing is read from a
    /// client that lets answers lie.
    /// # Errors
    /// As [`Transport::fill`] and [`Transport::drain`].
    pub async fn turn(&mut self) -> Result<(), Error> {
        if self.out.is_empty() {
            return self.fill().await;
        }
        if self.out.len() >= MAX_OUT {
            return self.drain().await;
        }
        if self.inbox.capacity() - self.inbox.len() < READ / 4 {
            self.inbox.reserve(READ);
        }
        let moved = tokio::select! {
            read = self.read.read_buf(&mut self.inbox) => read?,
            sent = self.write.write_buf(&mut self.out) => sent?,
        };
        self.moved += moved as u64;
        match moved {
            0 => Err(Error::Gone),
            _ => Ok(()),
        }
    }

    /// Sends all.
    /// # Errors
    /// The socket's.
    pub async fn flush(&mut self) -> Result<(), Error> {
        while !self.out.is_empty() {
            self.drain().await?;
        }
        Ok(())
    }

    /// Bytes that wait to be sent.
    pub fn waiting(&self) -> usize {
        self.out.len() + self.held.len()
    }

    /// Nothing but keys may be spoken of at this moment.
    pub fn exchanging(&self) -> bool {
        matches!(self.exchange, Exchange::Offered(_) | Exchange::Agreed(..))
    }

    /// Waits for the next message.
    /// # Errors
    /// [`Error`].
    pub async fn receive(&mut self) -> Result<Bytes, Error> {
        loop {
            if let Some(message) = self.next_message()? {
                return Ok(message);
            }
            self.turn().await?;
        }
    }

    /// The next message that is not the transport's own, if it has come.
    /// # Errors
    /// [`Error`].
    pub fn next_message(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(early) = self.early.take() {
            return Ok(Some(early));
        }
        while let Some(packet) = self.open.open(&mut self.inbox)? {
            let packet = packet.freeze();
            let kind = *packet.first().ok_or(Malformed)?;
            if std::mem::take(&mut self.skip) {
                continue;
            }
            match kind {
                msg::DISCONNECT => return Err(Error::Gone),
                msg::IGNORE | msg::DEBUG | msg::UNIMPLEMENTED => {
                    // Under strict exchange nothing is slipped in before there are keys.
                    if self.session.is_none() && self.strict {
                        return Err(Error::Protocol("a message in a strict key exchange"));
                    }
                }
                msg::KEXINIT => self.agree(packet)?,
                msg::KEX_ECDH_INIT => self.answer(&packet)?,
                msg::NEWKEYS => self.switch()?,
                // RFC 8308: only what they take in signatures.
                msg::EXT_INFO if self.session.is_some() => {}
                _ if self.session.is_none() => {
                    return Err(Error::Protocol("a message before keys"));
                }
                _ if matches!(self.exchange, Exchange::Agreed(..) | Exchange::Switching(_)) => {
                    return Err(Error::Protocol("a message in a key exchange"));
                }
                _ => return Ok(Some(packet)),
            }
        }
        let old = self.moved > REKEY_BYTES || self.keyed_at.elapsed() > REKEY_AFTER;
        if old && self.may_rekey && matches!(self.exchange, Exchange::Idle) {
            self.offer()?;
        }
        Ok(None)
    }

    fn offer(&mut self) -> Result<(), Error> {
        let offer = kex::offer().ok_or(Error::Protocol("no random numbers"))?;
        self.seal
            .seal(&mut self.out, |out| out.extend_from_slice(&offer))?;
        self.exchange = Exchange::Offered(offer);
        Ok(())
    }

    fn agree(&mut self, theirs: Bytes) -> Result<(), Error> {
        if matches!(self.exchange, Exchange::Idle) {
            self.offer()?;
        }
        let Exchange::Offered(ours) = std::mem::replace(&mut self.exchange, Exchange::Idle) else {
            return Err(Error::Protocol("a second key exchange in one"));
        };
        let agreed = kex::agree(&theirs)?;
        if self.session.is_none() {
            self.strict = agreed.strict;
            // Nothing may have come before it.
            if self.strict && self.open.sequence != 1 {
                return Err(Error::Protocol("a message before a strict key exchange"));
            }
        }
        self.skip = agreed.skip;
        self.exchange = Exchange::Agreed(ours, theirs, agreed);
        Ok(())
    }

    fn answer(&mut self, init: &Bytes) -> Result<(), Error> {
        let Exchange::Agreed(ours, theirs, agreed) =
            std::mem::replace(&mut self.exchange, Exchange::Idle)
        else {
            return Err(Error::Protocol("keys out of turn"));
        };
        let said = Said {
            client_version: &self.client_version,
            server_version: VERSION,
            client_offer: &theirs,
            server_offer: &ours,
        };
        let done = kex::answer(&agreed, &self.keys, &said, init)?;
        let first = self.session.is_none();
        let session = *self.session.get_or_insert(done.hash);
        self.seal
            .seal(&mut self.out, |out| out.extend_from_slice(&done.reply))?;
        self.seal
            .seal(&mut self.out, |out| out.put_u8(msg::NEWKEYS))?;
        let count = |sequence| if self.strict { 0 } else { sequence };
        let no = Error::Protocol("no keys");
        let seal = done.outgoing(&agreed, &session, count(self.seal.sequence));
        let Some(seal) = seal else { return Err(no) };
        // Theirs goes on to count up to their own NEWKEYS.
        let open = done.incoming(&agreed, &session, 0);
        let Some(open) = open else { return Err(no) };
        self.seal = seal;
        self.exchange = Exchange::Switching(Box::new(open));
        if first && agreed.ext_info {
            self.seal.seal(&mut self.out, kex::ext_info)?;
        }
        let mut held = std::mem::take(&mut self.held);
        while held.has_remaining() {
            let length = held.get_u32() as usize;
            let message = held.split_to(length);
            self.seal
                .seal(&mut self.out, |out| out.extend_from_slice(&message))?;
        }
        Ok(())
    }

    fn switch(&mut self) -> Result<(), Error> {
        let Exchange::Switching(mut open) = std::mem::replace(&mut self.exchange, Exchange::Idle)
        else {
            return Err(Error::Protocol("new keys out of turn"));
        };
        if !self.strict {
            open.sequence = self.open.sequence;
        }
        self.open = *open;
        self.moved = 0;
        self.keyed_at = Instant::now();
        Ok(())
    }

    /// Sends a message, as soon as may be.
    /// # Errors
    /// More waits for new keys than may.
    pub fn send(&mut self, write: impl FnOnce(&mut BytesMut)) -> Result<(), Error> {
        if !self.exchanging() {
            return Ok(self.seal.seal(&mut self.out, write)?);
        }
        let mut message = BytesMut::new();
        write(&mut message);
        self.held.string(&message);
        match self.held.len() > MAX_HELD {
            true => Err(Error::Protocol("new keys do not come")),
            false => Ok(()),
        }
    }

    /// Ends it with a reason, without waiting long.
    pub async fn disconnect(&mut self, reason: u32, text: &str) {
        let said = self.seal.seal(&mut self.out, |out| {
            out.put_u8(msg::DISCONNECT);
            out.put_u32(reason);
            out.string(text.as_bytes());
            out.string(b"en");
        });
        if said.is_ok() {
            let _ = tokio::time::timeout(Duration::from_millis(500), self.flush()).await;
        }
        let _ = self.write.shutdown().await;
    }

    /// Ends it for an error.
    pub async fn say_bye(&mut self, error: &Error) {
        if let Some(reason) = error.reason() {
            self.disconnect(reason, &error.to_string()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::net::TcpSocket;
    use tokio::time::timeout;

    /// One without keys, and who speaks to it.
    async fn pair() -> (Transport, TcpStream) {
        let [listener, there] = [(); 2].map(|()| TcpSocket::new_v4().unwrap());
        // What the kernel holds is not what is asked about.
        listener.set_send_buffer_size(64 * 1024).unwrap();
        there.set_recv_buffer_size(64 * 1024).unwrap();
        listener.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = listener.listen(1).unwrap();
        let there = there.connect(listener.local_addr().unwrap());
        let (there, here) = tokio::join!(there, listener.accept());
        let mut transport = Transport::new(here.unwrap().0, Arc::new(HostKeys::made_up()));
        transport.session = Some([0; 32]);
        (transport, there.unwrap())
    }

    #[tokio::test]
    async fn who_asks_and_never_listens_fills_their_own_socket() {
        let (mut transport, mut there) = pair().await;
        let asking = tokio::spawn(async move {
            let (mut seal, mut packets) = (Cipher::clear(), BytesMut::new());
            loop {
                packets.clear();
                for _ in 0..1000 {
                    let global = |out: &mut BytesMut| {
                        out.put_u8(msg::GLOBAL_REQUEST);
                        out.string(b"x");
                        out.put_u8(1);
                    };
                    seal.seal(&mut packets, global).unwrap();
                }
                if there.write_all(&packets).await.is_err() {
                    break;
                }
            }
        });
        let (mut asked, mut most) = (0, 0);
        // Until nothing moves any more: the sockets are full both ways.
        let stuck = async {
            loop {
                while transport.next_message().unwrap().is_some() {
                    asked += 1;
                    let answer = |out: &mut BytesMut| out.put_bytes(msg::REQUEST_FAILURE, 40);
                    transport.send(answer).unwrap();
                }
                most = most.max(transport.waiting());
                let turned = timeout(Duration::from_secs(2), transport.turn()).await;
                match turned {
                    Ok(turned) => turned.unwrap(),
                    Err(_) => break,
                }
            }
        };
        timeout(Duration::from_secs(60), stuck).await.unwrap();
        asking.abort();
        assert!(asked > 10_000, "{asked}");
        assert!((MAX_OUT..3 * MAX_OUT).contains(&most), "{most}");
    }
}
