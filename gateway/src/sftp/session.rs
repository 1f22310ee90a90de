//! One SFTP session: its questions, as many at once as may be, answered as they are done.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::BufMut;
use tokio::sync::RwLock;

use super::handle::{Directory, File, Handle, Handles};
use super::inbox::Inbox;
use super::ops::{self, No};
use super::packet::{self, Ask, Code, MAX_DATA, MAX_PACKET, Reply, flag};
use super::seat::Seat;
use crate::ssh::wire::{Malformed, Put, Reader};

/// Questions in hand, with answers that wait to be sent.
pub const AT_ONCE: usize = 64;
/// Bytes of reads in hand, likewise; while memory is short, less.
pub const READ_BYTES: usize = 8 << 20;
pub const FEW_READ_BYTES: usize = 512 * 1024;
/// A statement about memory: what a read may come to is counted before it is asked.
const SMALL: usize = 1024;

/// What is to be kept of a question that is done.
pub enum Change {
    None,
    Opened(Handle),
    NotOpened,
}

/// A question that is done.
pub struct Finished {
    pub id: u32,
    pub answer: Result<Reply, No>,
    pub change: Change,
    /// Bytes that came with it, which the client may send again.
    pub weight: usize,
    /// Bytes that were counted for its answer.
    pub reserved: usize,
    /// Of a file, and its number there.
    pub turn: Option<(Arc<File>, u64)>,
}

pub type Work = Pin<Box<dyn Future<Output = Finished> + Send>>;

/// See the module.
pub struct Session {
    seat: Arc<Seat>,
    inbox: Inbox,
    begun: bool,
    handles: Handles,
    /// Questions about paths take turns as those about a file do.
    paths: Arc<RwLock<()>>,
    pub in_hand: usize,
    /// Bytes of answers that are on their way or wait to be sent.
    pub reserved: usize,
}

impl Session {
    pub fn new(seat: Arc<Seat>) -> Self {
        Self {
            seat,
            inbox: Inbox::default(),
            begun: false,
            handles: Handles::default(),
            paths: Arc::default(),
            in_hand: 0,
            reserved: 0,
        }
    }

    /// What came.
    pub fn take(&mut self, data: &[u8]) {
        self.inbox.take(data);
    }

    /// Another question has come and was not begun yet.
    pub fn has_more(&self) -> bool {
        self.inbox.has_more()
    }

    /// Begins the next question, if one has come and there is room for it, with `most` bytes of answers in hand: what is to be
    /// done, or what is to be answered at once, with the bytes that came with it. All but the greeting are in hand until
    /// their answers are sent, also those that are none: a client that takes no answers is asked by nobody to ask on.
    /// # Errors
    /// This is no SFTP.
    pub fn begin(&mut self, most: usize) -> Result<Option<Begun>, Malformed> {
        if self.in_hand >= AT_ONCE || self.reserved >= most {
            return Ok(None);
        }
        let Some(packet) = self.inbox.question()? else {
            return Ok(None);
        };
        let weight = 4 + packet.len();
        if !self.begun {
            let mut reader = Reader(packet);
            if reader.u8()? != packet::INIT || reader.u32()? < 3 {
                return Err(Malformed);
            }
            self.begun = true;
            return Ok(Some(Begun::Answer(packet::version(), weight)));
        }
        let (id, ask) = packet::read(packet)?;
        self.in_hand += 1;
        let reserved = match &ask {
            Ok(Ask::Read { length, .. }) => (*length).min(MAX_DATA) as usize + SMALL,
            _ => SMALL,
        };
        self.reserved += reserved;
        let work: Work = match ask {
            Ok(ask) => self.work(id, ask, weight, reserved),
            Err(Malformed) => {
                let reply = packet::status(id, Code::BadMessage, "malformed question");
                Box::pin(std::future::ready(Finished {
                    id,
                    answer: Ok(reply),
                    change: Change::None,
                    weight,
                    reserved,
                    turn: None,
                }))
            }
        };
        Ok(Some(Begun::Work(work)))
    }

    /// A question is done: gives what is to be sent.
    pub fn finish(&mut self, done: Finished) -> Vec<Reply> {
        let turn = done.turn;
        let reply = match (done.answer, done.change) {
            (_, Change::Opened(handle)) => {
                self.handles.opening -= 1;
                packet::handle(done.id, &self.handles.add(handle))
            }
            (answer, change) => {
                if matches!(change, Change::NotOpened) {
                    self.handles.opening -= 1;
                }
                answer.unwrap_or_else(|No(code, text)| packet::status(done.id, code, &text))
            }
        };
        // What was counted for more than it became is free at once; the rest when it was sent.
        self.reserved -= done.reserved;
        self.reserved += size(&reply);
        match turn {
            Some((file, number)) => file.order.lock().take(number, reply),
            None => vec![reply],
        }
    }

    /// An answer to a question that was in hand has been sent.
    pub fn sent(&mut self, bytes: usize) {
        self.in_hand -= 1;
        self.reserved -= bytes;
    }

    /// Files that were left open.
    pub fn leave(&mut self) -> Vec<Arc<File>> {
        self.handles.drain()
    }

    #[expect(clippy::too_many_lines, reason = "one line for each question")]
    fn work(&mut self, id: u32, ask: Ask, weight: usize, reserved: usize) -> Work {
        let seat = self.seat.clone();
        let paths = self.paths.clone();
        let done = move |answer| Finished {
            id,
            answer,
            change: Change::None,
            weight,
            reserved,
            turn: None,
        };
        macro_rules! now {
            ($answer:expr) => {{
                let answer = $answer;
                Box::pin(async move { done(answer) })
            }};
        }
        macro_rules! file {
            ($name:expr) => {
                match self.handles.file(&$name) {
                    Some(file) => file,
                    None => return now!(Err(No::new(Code::Failure, "no such open file"))),
                }
            };
        }
        // Questions about a path: those that change nothing go together, others alone.
        macro_rules! shared {
            ($path:expr, |$s:ident, $p:ident| $work:expr) => {{
                let path = ops::path(&$path);
                Box::pin(async move {
                    let _turn = paths.read_owned().await;
                    done(match path {
                        Ok($p) => {
                            let $s = &seat;
                            $work.await
                        }
                        Err(no) => Err(no),
                    })
                })
            }};
        }
        macro_rules! alone {
            ($path:expr, |$s:ident, $p:ident| $work:expr) => {{
                let path = ops::path(&$path);
                Box::pin(async move {
                    let _turn = paths.write_owned().await;
                    done(match path {
                        Ok($p) => {
                            let $s = &seat;
                            $work.await
                        }
                        Err(no) => Err(no),
                    })
                })
            }};
        }
        macro_rules! with {
            ($file:expr, |$f:ident| $work:expr) => {{
                let $f = $file;
                Box::pin(async move {
                    let _turn = $f.lane.clone().write_owned().await;
                    done($work.await)
                })
            }};
        }
        match ask {
            Ask::Open { path, flags, attrs } => {
                if self.handles.full() {
                    return now!(Err(No::new(Code::Failure, "too many open files")));
                }
                self.handles.opening += 1;
                let path = ops::path(&path);
                let opened = move |file: Result<File, No>| {
                    opened(done, file.map(|f| Handle::File(Arc::new(f))))
                };
                Box::pin(async move {
                    let path = match path {
                        Ok(path) => path,
                        Err(no) => return opened(Err(no)),
                    };
                    let changes = flags & (flag::CREAT | flag::TRUNC) != 0;
                    let _turns = match changes {
                        true => (None, Some(paths.write_owned().await)),
                        false => (Some(paths.read_owned().await), None),
                    };
                    opened(ops::open(&seat, path, flags, attrs).await)
                })
            }
            Ask::Opendir(path) => {
                if self.handles.full() {
                    return now!(Err(No::new(Code::Failure, "too many open files")));
                }
                self.handles.opening += 1;
                let path = ops::path(&path);
                let opened = move |dir: Result<Directory, No>| {
                    opened(done, dir.map(|d| Handle::Directory(Arc::new(d))))
                };
                Box::pin(async move {
                    let _turn = paths.read_owned().await;
                    opened(match path {
                        Ok(path) => ops::opendir(&seat, path).await,
                        Err(no) => Err(no),
                    })
                })
            }
            Ask::Close(name) => match self.handles.remove(&name) {
                Some(Handle::File(file)) => with!(file, |f| async {
                    ops::close(&f).await?;
                    Ok(packet::status(id, Code::Ok, ""))
                }),
                Some(Handle::Directory(_)) => now!(Ok(packet::status(id, Code::Ok, ""))),
                None => now!(Err(No::new(Code::Failure, "no such open file"))),
            },
            Ask::Readdir(name) => match self.handles.get(&name) {
                Some(Handle::Directory(dir)) => {
                    Box::pin(async move { done(ops::readdir(&seat, &dir, id).await) })
                }
                _ => now!(Err(No::new(Code::Failure, "no such open directory"))),
            },
            Ask::Read {
                handle,
                offset,
                length,
            } => {
                let file = file!(handle);
                let number = file.order.lock().next();
                Box::pin(async move {
                    let turns = turn(&file, file.both).await;
                    let answer = ops::read(&file, id, offset, length).await;
                    drop(turns);
                    Finished {
                        turn: Some((file, number)),
                        ..done(answer)
                    }
                })
            }
            Ask::Write {
                handle,
                offset,
                data,
            } => {
                let file = file!(handle);
                let number = file.order.lock().next();
                Box::pin(async move {
                    let turns = turn(&file, file.append).await;
                    let answer = ops::write(&file, id, offset, data).await;
                    drop(turns);
                    Finished {
                        turn: Some((file, number)),
                        ..done(answer)
                    }
                })
            }
            Ask::Fstat(name) => with!(file!(name), |f| ops::fstat(&f, id)),
            Ask::Fsync(name) => with!(file!(name), |f| ops::fsync(&f, id)),
            Ask::Fsetstat { handle, attrs } => {
                with!(file!(handle), |f| ops::fsetstat(&f, id, attrs))
            }
            Ask::Copy {
                from,
                offset,
                length,
                to,
                at,
            } => {
                let (from, to) = (file!(from), file!(to));
                if Arc::ptr_eq(&from, &to) {
                    return now!(Err(No::new(
                        Code::Failure,
                        "a file is not copied into itself"
                    )));
                }
                Box::pin(async move {
                    let _a = from.lane.clone().read_owned().await;
                    let _b = to.lane.clone().write_owned().await;
                    let whole = (&*from, offset, length);
                    done(ops::copy(whole, (&to, at), id).await)
                })
            }
            Ask::Stat { path, follow } => shared!(path, |s, p| ops::stat(s, id, p, follow)),
            Ask::Readlink(path) => shared!(path, |s, p| ops::readlink(s, id, p)),
            Ask::Statvfs(path) => shared!(path, |s, p| ops::statvfs(s, id, p)),
            Ask::Fstatvfs(name) => {
                let path = match self.handles.get(&name) {
                    Some(Handle::File(file)) => file.path.clone(),
                    Some(Handle::Directory(dir)) => dir.path.clone(),
                    None => return now!(Err(No::new(Code::Failure, "no such open file"))),
                };
                shared!(path, |s, p| ops::statvfs(s, id, p))
            }
            Ask::Setstat {
                path,
                attrs,
                follow,
            } => {
                alone!(path, |s, p| ops::setstat(s, id, p, attrs, follow))
            }
            Ask::Remove(path) => alone!(path, |s, p| ops::remove(s, id, p, false)),
            Ask::Rmdir(path) => alone!(path, |s, p| ops::remove(s, id, p, true)),
            Ask::Mkdir(path) => alone!(path, |s, p| ops::mkdir(s, id, p)),
            Ask::Symlink { target, path } => {
                alone!(path, |s, p| ops::symlink(s, id, target, p))
            }
            Ask::Rename { from, to, replace } => match ops::path(&to) {
                Ok(to) => alone!(from, |s, p| ops::rename(s, id, p, to, replace)),
                Err(no) => now!(Err(no)),
            },
            Ask::Realpath(path) => {
                now!(ops::path(&path).map(|p| packet::names(id, &[super::attrs::Name::bare(p)])))
            }
            Ask::Home => now!(Ok(packet::names(id, &[super::attrs::Name::bare("/")]))),
            Ask::Limits => now!(Ok(packet::extended_reply(id, |out| {
                out.put_u64(MAX_PACKET as u64);
                out.put_u64(u64::from(MAX_DATA));
                out.put_u64(u64::from(MAX_DATA));
                out.put_u64(super::handle::MAX_FILES as u64);
            }))),
            Ask::Names { uids, gids } => now!(Ok(packet::extended_reply(id, |out| {
                for ids in [uids, gids] {
                    // Nobody here has a name: clients show numbers.
                    let count = (ids.len() / 4).min(1024);
                    out.string(&vec![0; 4 * count]);
                }
            }))),
            Ask::Unsupported => now!(Err(No::new(Code::Unsupported, "not supported"))),
        }
    }
}

/// What [`Session::begin`] gives.
pub enum Begun {
    Answer(Reply, usize),
    Work(Work),
}

fn opened(
    done: impl FnOnce(Result<Reply, No>) -> Finished,
    handle: Result<Handle, No>,
) -> Finished {
    let (answer, change) = match handle {
        Ok(handle) => (
            Err(No::new(Code::Failure, String::new())),
            Change::Opened(handle),
        ),
        Err(no) => (Err(no), Change::NotOpened),
    };
    Finished {
        change,
        ..done(answer)
    }
}

/// A turn at a file: together with others of the kind, or alone.
async fn turn(
    file: &File,
    alone: bool,
) -> (
    Option<tokio::sync::OwnedRwLockReadGuard<()>>,
    Option<tokio::sync::OwnedRwLockWriteGuard<()>>,
) {
    let lane = file.lane.clone();
    match alone {
        true => (None, Some(lane.write_owned().await)),
        false => (Some(lane.read_owned().await), None),
    }
}

/// Bytes of an answer.
pub fn size(reply: &Reply) -> usize {
    reply.head.len() + reply.body.len()
}
