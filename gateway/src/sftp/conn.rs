//! One connection after its log-in (RFC 4254): channels for SFTP, and kind words for everything else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::channel::{Channel, Purpose, SMALL_WINDOW, WINDOW};
use super::memory::Memory;
use super::seat::Seat;
use super::session::{Begun, FEW_READ_BYTES, Finished, READ_BYTES, size};
use crate::ssh::transport::{Error, Transport};
use crate::ssh::wire::{Put, Reader};
use crate::ssh::{CHANNEL_PACKET, msg, reason};

/// Channels of one connection.
const MAX_CHANNELS: usize = 8;
/// So much waits in a buffer for the socket; answers beyond it wait as they are.
const OUT: usize = 512 * 1024;
/// The least chunk that a client must take.
const MIN_CHUNK: u32 = 512;
/// Nothing heard for so long: is anybody there?
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Asked so often without a word, there is not. The same for a socket that takes nothing.
const MAX_SILENT: u32 = 3;
/// Nothing asked for so long: the place is for others.
const IDLE: Duration = Duration::from_secs(3600);

/// See the module.
pub struct Conn {
    transport: Transport,
    seat: Arc<Seat>,
    memory: Arc<Memory>,
    channels: HashMap<u32, Channel>,
    next: u32,
    running: FuturesUnordered<futures_util::future::BoxFuture<'static, (u32, Finished)>>,
    heard: Instant,
    asked: Instant,
    moved: Instant,
    silent: u32,
    greeting: String,
}

impl Conn {
    pub fn new(transport: Transport, seat: Arc<Seat>, memory: Arc<Memory>, panel: &str) -> Self {
        let now = Instant::now();
        Self {
            transport,
            seat,
            memory,
            channels: HashMap::new(),
            next: 0,
            running: FuturesUnordered::new(),
            heard: now,
            asked: now,
            moved: now,
            silent: 0,
            greeting: format!(
                "This is SFTP of {panel}: your key or password is right, and there is no shell here.\r\n\
                 Use sftp, scp, rclone, lftp, sshfs, FileZilla or WinSCP; the console is in the panel.\r\n"
            ),
        }
    }

    /// Serves until either side is done; `ended` and `stop` cut it off.
    pub async fn run(mut self, ended: CancellationToken, stop: CancellationToken) {
        let over = self.serve(&ended, &stop).await;
        match over {
            Ok(()) => {}
            Err(End::Told(why)) => self.transport.disconnect(reason::BY_APPLICATION, why).await,
            Err(End::Error(error)) => {
                tracing::debug!(%error, "an SFTP connection ended");
                self.transport.say_bye(&error).await;
            }
        }
        self.leave();
    }

    /// What was left open is closed behind the client's back.
    fn leave(mut self) {
        let mut files = Vec::new();
        for channel in self.channels.values_mut() {
            if let Purpose::Sftp(session) = &mut channel.purpose {
                files.extend(session.leave());
            }
        }
        let seat = self.seat.clone();
        tokio::spawn(async move {
            for file in files {
                // The node closes by itself what nobody uses.
                drop(super::ops::close(&file).await);
            }
            seat.leave().await;
        });
    }

    async fn serve(
        &mut self,
        ended: &CancellationToken,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        let seat = self.seat.clone();
        let mut kept = std::pin::pin!(seat.keep());
        loop {
            while let Some(message) = self.transport.next_message().map_err(End::Error)? {
                self.heard = Instant::now();
                self.silent = 0;
                self.message(message).map_err(End::Error)?;
            }
            self.begin()?;
            self.answer().map_err(End::Error)?;
            if self.channels.values().any(|c| c.over) {
                self.sweep();
            }
            let waiting = self.transport.waiting();
            let alarm = self.alarm(waiting);
            tokio::select! {
                biased;
                () = ended.cancelled() => return Err(End::Told("your access was withdrawn or has changed")),
                () = stop.cancelled() => return Err(End::Told("the gateway is restarting; connect again")),
                error = &mut kept => {
                    tracing::debug!(%error, "a ticket was not renewed");
                    return Err(End::Told("your access has ended"));
                }
                done = self.running.next(), if !self.running.is_empty() => {
                    if let Some((channel, done)) = done {
                        self.done(channel, done);
                    }
                    // What else is done by now goes along.
                    while let Some(Some((channel, done))) = self.running.next().now_or_never() {
                        self.done(channel, done);
                    }
                }
                turned = self.transport.turn() => {
                    match turned {
                        Err(Error::Gone) => return Ok(()),
                        other => other.map_err(End::Error)?,
                    }
                    if self.transport.waiting() < waiting {
                        self.moved = Instant::now();
                    }
                }
                () = sleep_until(alarm) => self.rung(waiting)?,
            }
        }
    }

    /// When it is time to look whether anybody is there.
    fn alarm(&self, waiting: usize) -> Instant {
        let silence = self.heard + KEEPALIVE * (self.silent + 1);
        let idle = self.asked + IDLE;
        match waiting {
            0 => silence.min(idle),
            _ => silence.min(idle).min(self.moved + KEEPALIVE * MAX_SILENT),
        }
    }

    fn rung(&mut self, waiting: usize) -> Result<(), End> {
        let now = Instant::now();
        if waiting > 0 && now >= self.moved + KEEPALIVE * MAX_SILENT {
            return Err(End::Error(Error::Gone));
        }
        if now >= self.asked + IDLE && self.running.is_empty() {
            return Err(End::Told("nothing was asked for an hour"));
        }
        if now >= self.heard + KEEPALIVE * (self.silent + 1) {
            self.silent += 1;
            if self.silent > MAX_SILENT {
                return Err(End::Error(Error::Gone));
            }
            let sent = self.transport.send(|out| {
                out.put_u8(msg::GLOBAL_REQUEST);
                out.string(b"keepalive@openssh.com");
                out.put_u8(1);
            });
            sent.map_err(End::Error)?;
        } else {
            self.asked = self.asked.max(now - IDLE + KEEPALIVE);
        }
        Ok(())
    }

    /// Begins what has come and has room.
    fn begin(&mut self) -> Result<(), End> {
        let most = match self.memory.short() {
            true => FEW_READ_BYTES,
            false => READ_BYTES,
        };
        for (&number, channel) in &mut self.channels {
            let Purpose::Sftp(session) = &mut channel.purpose else {
                continue;
            };
            // Nobody waits for what was not begun.
            if channel.over {
                continue;
            }
            while let Some(begun) = session
                .begin(most)
                .map_err(|malformed| End::Error(malformed.into()))?
            {
                self.asked = Instant::now();
                match begun {
                    Begun::Answer(reply, weight) => {
                        channel.owed += u32::try_from(weight).unwrap_or(u32::MAX);
                        channel.waiting += size(&reply);
                        channel.replies.push_back((reply, false));
                    }
                    Begun::Work(work) => {
                        channel.running += 1;
                        self.running
                            .push(work.map(move |done| (number, done)).boxed());
                    }
                }
            }
        }
        Ok(())
    }

    fn done(&mut self, number: u32, done: Finished) {
        let Some(channel) = self.channels.get_mut(&number) else {
            return;
        };
        channel.running -= 1;
        channel.owed += u32::try_from(done.weight).unwrap_or(u32::MAX);
        if let Purpose::Sftp(session) = &mut channel.purpose {
            for reply in session.finish(done) {
                channel.waiting += size(&reply);
                channel.replies.push_back((reply, true));
            }
        }
    }

    /// Sends answers as far as there is room, and opens windows again.
    fn answer(&mut self) -> Result<(), Error> {
        let target = match self.memory.short() {
            true => SMALL_WINDOW,
            false => WINDOW,
        };
        let transport = &mut self.transport;
        for channel in self.channels.values_mut() {
            while channel.waiting > 0
                && !channel.closed
                && channel.out_window > 0
                && !transport.exchanging()
                && transport.waiting() < OUT
            {
                channel.send_chunk(transport)?;
            }
            channel.count();
            if channel.owed > target / 4
                || (channel.owed > 0 && channel.in_window < SMALL_WINDOW / 2)
            {
                let add = channel.owed.min(target.saturating_sub(channel.in_window));
                if add > 0 && !channel.closed {
                    transport.send(|out| {
                        out.put_u8(msg::CHANNEL_WINDOW_ADJUST);
                        out.put_u32(channel.theirs);
                        out.put_u32(add);
                    })?;
                    channel.in_window += add;
                    channel.owed -= add;
                }
            }
            if channel.eof && channel.idle() && !channel.closed {
                channel.close(transport, 0)?;
            }
        }
        Ok(())
    }

    /// A channel that both have closed is there until what it began is done: who opens and closes them gets no more than
    /// those who keep them.
    fn sweep(&mut self) {
        let mut gone = Vec::new();
        for (number, channel) in &mut self.channels {
            if channel.closed && channel.over && channel.running == 0 {
                if let Purpose::Sftp(session) = &mut channel.purpose {
                    let files = session.leave();
                    if !files.is_empty() {
                        tokio::spawn(async move {
                            for file in files {
                                drop(super::ops::close(&file).await);
                            }
                        });
                    }
                    channel.purpose = Purpose::Over;
                }
                gone.push(*number);
            }
        }
        for number in gone {
            self.channels.remove(&number);
        }
    }

    fn message(&mut self, message: Bytes) -> Result<(), Error> {
        let mut r = Reader(message);
        let kind = r.u8()?;
        match kind {
            msg::GLOBAL_REQUEST => {
                r.bytes()?;
                if r.bool()? {
                    self.transport
                        .send(|out| out.put_u8(msg::REQUEST_FAILURE))?;
                }
                Ok(())
            }
            msg::REQUEST_SUCCESS | msg::REQUEST_FAILURE => Ok(()),
            msg::CHANNEL_OPEN => self.open(&mut r),
            msg::CHANNEL_WINDOW_ADJUST
            | msg::CHANNEL_DATA
            | msg::CHANNEL_EXTENDED_DATA
            | msg::CHANNEL_EOF
            | msg::CHANNEL_CLOSE
            | msg::CHANNEL_REQUEST => {
                let number = r.u32()?;
                self.of_channel(number, kind, &mut r)
            }
            // Nobody logs in twice.
            msg::USERAUTH_REQUEST => Ok(()),
            _ => {
                self.transport.send(|out| {
                    out.put_u8(msg::UNIMPLEMENTED);
                    out.put_u32(0);
                })?;
                Ok(())
            }
        }
    }

    fn open(&mut self, r: &mut Reader) -> Result<(), Error> {
        let kind = r.bytes()?;
        let (theirs, window, chunk) = (r.u32()?, r.u32()?, r.u32()?);
        let full = self.channels.len() >= MAX_CHANNELS;
        if &kind[..] != b"session" || full || chunk < MIN_CHUNK {
            let (code, text) = match full {
                true => (4, "too many channels"),
                false => (1, "SFTP alone is served here"),
            };
            return self.transport.send(|out| {
                out.put_u8(msg::CHANNEL_OPEN_FAILURE);
                out.put_u32(theirs);
                out.put_u32(code);
                out.string(text.as_bytes());
                out.string(b"en");
            });
        }
        let in_window = match self.memory.short() {
            true => SMALL_WINDOW,
            false => WINDOW,
        };
        let ours = self.next;
        self.next = self.next.wrapping_add(1);
        let share = self.memory.share();
        let chunk = chunk.min(CHANNEL_PACKET);
        let channel = Channel::new(theirs, in_window, (window, chunk), share);
        self.channels.insert(ours, channel);
        self.transport.send(|out| {
            out.put_u8(msg::CHANNEL_OPEN_CONFIRMATION);
            out.put_u32(theirs);
            out.put_u32(ours);
            out.put_u32(in_window);
            out.put_u32(CHANNEL_PACKET);
        })
    }

    fn of_channel(&mut self, number: u32, kind: u8, r: &mut Reader) -> Result<(), Error> {
        let Some(channel) = self.channels.get_mut(&number) else {
            return Err(Error::Protocol("no such channel"));
        };
        let transport = &mut self.transport;
        match kind {
            msg::CHANNEL_WINDOW_ADJUST => {
                let add = r.u32()?;
                channel.out_window = channel.out_window.saturating_add(add);
            }
            msg::CHANNEL_DATA | msg::CHANNEL_EXTENDED_DATA => {
                if kind == msg::CHANNEL_EXTENDED_DATA {
                    r.u32()?;
                }
                let data = r.bytes()?;
                let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
                channel.in_window = channel
                    .in_window
                    .checked_sub(length)
                    .ok_or(Error::Protocol("more than the window"))?;
                match (&mut channel.purpose, kind) {
                    (Purpose::Sftp(session), msg::CHANNEL_DATA) if !channel.eof => {
                        session.take(&data);
                    }
                    _ => channel.owed += length,
                }
            }
            msg::CHANNEL_EOF => channel.eof = true,
            msg::CHANNEL_CLOSE => {
                (channel.eof, channel.over) = (true, true);
                if !channel.closed {
                    channel.close(transport, 0)?;
                }
            }
            _ => channel.request(transport, r, &self.seat, &self.greeting)?,
        }
        Ok(())
    }
}

/// Why serving ends.
enum End {
    Told(&'static str),
    Error(Error),
}
