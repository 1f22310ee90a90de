//! One channel of a connection (RFC 4254, 5): its windows, and the answers that wait to go out.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, BufMut};

use super::memory::Share;
use super::packet::Reply;
use super::seat::Seat;
use super::session::{Session, size};
use crate::ssh::msg;
use crate::ssh::transport::{Error, Transport};
use crate::ssh::wire::{Put, Reader};

/// What a client may send before something of it is done; while memory is short, less.
pub const WINDOW: u32 = 2 << 20;
pub const SMALL_WINDOW: u32 = 320 * 1024;

/// What a channel is for.
pub enum Purpose {
    /// Not said yet.
    Open,
    Sftp(Box<Session>),
    /// Something else: it was told so.
    Over,
}

pub struct Channel {
    pub theirs: u32,
    pub purpose: Purpose,
    /// What they may still send, and what we may.
    pub in_window: u32,
    pub out_window: u32,
    /// What they could send at first: all of it is with them, owed to them, or here.
    window: u32,
    share: Share,
    /// Questions that the node has not answered.
    pub running: usize,
    chunk: u32,
    /// Done with, and not given back yet.
    pub owed: u32,
    /// Answers and how many bytes of the first are sent.
    pub replies: VecDeque<(Reply, bool)>,
    sent: usize,
    pub waiting: usize,
    pub eof: bool,
    /// We have closed it, and they have.
    pub closed: bool,
    pub over: bool,
}

impl Channel {
    /// `theirs` is their number of it; `out` are the bytes that they take at first, and in one packet.
    pub fn new(theirs: u32, window: u32, out: (u32, u32), share: Share) -> Self {
        let mut new = Self {
            theirs,
            purpose: Purpose::Open,
            in_window: window,
            out_window: out.0,
            window,
            share,
            running: 0,
            chunk: out.1,
            owed: 0,
            replies: VecDeque::new(),
            sent: 0,
            waiting: 0,
            eof: false,
            closed: false,
            over: false,
        };
        new.count();
        new
    }

    /// What it may hold of memory at this moment is what is counted for it.
    pub fn count(&mut self) {
        let answers = match &self.purpose {
            Purpose::Sftp(session) => session.reserved,
            _ => 0,
        };
        self.share.set(self.window as usize + answers);
    }

    /// Nothing is asked or waits to be sent.
    pub fn idle(&self) -> bool {
        let idle = match &self.purpose {
            Purpose::Sftp(session) => session.in_hand == 0 && !session.has_more(),
            _ => true,
        };
        idle && self.waiting == 0
    }

    /// Ends our side of it.
    /// # Errors
    /// As [`Transport::send`].
    pub fn close(&mut self, transport: &mut Transport, status: u32) -> Result<(), Error> {
        self.closed = true;
        let theirs = self.theirs;
        transport.send(|out| {
            out.put_u8(msg::CHANNEL_REQUEST);
            out.put_u32(theirs);
            out.string(b"exit-status");
            out.put_u8(0);
            out.put_u32(status);
        })?;
        for kind in [msg::CHANNEL_EOF, msg::CHANNEL_CLOSE] {
            transport.send(|out| {
                out.put_u8(kind);
                out.put_u32(theirs);
            })?;
        }
        Ok(())
    }

    /// One packet of what waits: of as many answers as fit.
    /// # Errors
    /// As [`Transport::send`].
    pub fn send_chunk(&mut self, transport: &mut Transport) -> Result<(), Error> {
        let most = self.out_window.min(self.chunk) as usize;
        let length = self.waiting.min(most);
        let (theirs, replies, sent) = (self.theirs, &mut self.replies, &mut self.sent);
        let mut over = Vec::new();
        transport.send(|out| {
            out.reserve(length + 64);
            out.put_u8(msg::CHANNEL_DATA);
            out.put_u32(theirs);
            out.put_u32(u32::try_from(length).unwrap_or_default());
            let mut left = length;
            while left > 0 {
                let Some((reply, counted)) = replies.front() else {
                    break;
                };
                let whole = size(reply);
                let mut rest = (&reply.head[..]).chain(&reply.body[..]);
                rest.advance(*sent);
                let part = left.min(whole - *sent);
                out.put(rest.take(part));
                left -= part;
                *sent += part;
                if *sent == whole {
                    if *counted {
                        over.push(whole);
                    }
                    *sent = 0;
                    replies.pop_front();
                }
            }
        })?;
        self.waiting -= length;
        self.out_window -= u32::try_from(length).unwrap_or_default();
        if let Purpose::Sftp(session) = &mut self.purpose {
            for whole in over {
                session.sent(whole);
            }
        }
        Ok(())
    }

    /// What a client wants of it beside its bytes.
    /// # Errors
    /// [`Error`].
    pub fn request(
        &mut self,
        transport: &mut Transport,
        r: &mut Reader,
        seat: &Arc<Seat>,
        greeting: &str,
    ) -> Result<(), Error> {
        let (kind, wants) = (r.bytes()?, r.bool()?);
        let theirs = self.theirs;
        let open = matches!(self.purpose, Purpose::Open);
        let granted = match &kind[..] {
            b"subsystem" if open => {
                let sftp = &r.bytes()?[..] == b"sftp";
                if sftp {
                    self.purpose = Purpose::Sftp(Box::new(Session::new(seat.clone())));
                }
                sftp
            }
            // So that those who try `ssh` can read what is said to them.
            b"pty-req" => true,
            b"shell" | b"exec" if open => true,
            _ => false,
        };
        if wants {
            let answer = match granted {
                true => msg::CHANNEL_SUCCESS,
                false => msg::CHANNEL_FAILURE,
            };
            transport.send(|out| {
                out.put_u8(answer);
                out.put_u32(theirs);
            })?;
        }
        if granted && matches!(&kind[..], b"shell" | b"exec") {
            self.purpose = Purpose::Over;
            transport.send(|out| {
                out.put_u8(msg::CHANNEL_EXTENDED_DATA);
                out.put_u32(theirs);
                out.put_u32(1);
                out.string(greeting.as_bytes());
            })?;
            self.close(transport, 1)?;
        }
        Ok(())
    }
}
