//! Bytes of servers' files: handles that gateways hold open for people, on a connection of their own. Each call is judged
//! anew, and a handle ends with the log-in that opened it.

mod archive;
mod audit;
mod begin;
mod handle;
mod kept;
mod table;

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use warren_proto::bus::Ask;
use warren_proto::bus::ticket::{Ticket, right};
use warren_proto::ids::{ServerId, SessionId, UserId};
use warren_proto::subjects::bulk;
use warren_proto::wire;
use warren_runtime::jail;

use crate::clock;
use crate::files::room;
use crate::link::fair::{Fair, Seat};
use crate::link::session::{lacks, refuse};
use crate::node::Node;
use crate::server::deps::Deps;
use crate::server::status::Status;
use audit::Audit;
use handle::{Handle, Turn};
use kept::Kept;
use table::Table;

/// Bytes of one chunk.
pub const MAX_CHUNK: usize = 256 * 1024;
/// Calls of one server's handles that are carried out at one time; the rest is told to come again.
const PER_SERVER: usize = 48;

type Failed = wire::Failure;

/// All handles of this node.
pub struct Bulk {
    table: Table,
    kept: Kept,
    audit: Audit,
    seats: Fair,
}

/// Who opened something: a log-in and the person. Sessions of it come and go with tickets.
pub type Owner = (SessionId, UserId);

/// One call that was judged.
struct Call {
    handle: Arc<Handle>,
    live: Live,
    _seat: Seat,
    _turn: Turn,
}

impl Call {
    fn noted(&self, node: &Node, action: &'static str, bytes: u64) {
        let handle = &self.handle;
        let whose = (handle.server, handle.owner);
        let audit = &node.bulk.audit;
        audit.note(&node.deps, whose, action, &handle.path, bytes);
    }
}

/// What a call needs of its handle.
#[derive(Clone, Copy, PartialEq)]
enum Need {
    Read,
    Write,
    Either,
}

/// The server as it is now.
#[derive(Clone)]
struct Live {
    deps: Arc<Deps>,
    status: Arc<Mutex<Status>>,
    /// Bytes that one file may have which comes from outside.
    upload_bytes: Option<u64>,
}

impl Live {
    fn of(node: &Node, server: ServerId) -> Result<Self, Failed> {
        let handle = node.servers.get(server);
        let handle = handle.ok_or_else(crate::server::unknown_server)?;
        Ok(Self {
            deps: node.deps.clone(),
            status: handle.status,
            upload_bytes: None,
        })
    }

    /// As it is for who holds this ticket.
    fn under(self, ticket: &Ticket) -> Self {
        let upload_bytes = ticket.upload_bytes;
        Self {
            upload_bytes,
            ..self
        }
    }

    /// Whether a file that comes from outside may have so many bytes.
    fn takes(&self, bytes: u64) -> Result<(), Failed> {
        match self.upload_bytes {
            Some(most) if bytes > most => {
                let text = format!("files that are uploaded here have at most {most} bytes");
                Err(refuse("upload_limit", text, false))
            }
            _ => Ok(()),
        }
    }

    fn denylist(&self) -> Arc<jail::Denylist> {
        self.status.lock().denylist.clone()
    }

    /// Whether the egg keeps a path from people.
    fn allowed(&self, path: &str) -> Result<(), Failed> {
        match self.denylist().denies(path) {
            true => Err(failure(jail::Error::Denied(format!("/{path}")))),
            false => Ok(()),
        }
    }

    /// Jobs that own the files keep others from changing them.
    fn idle(&self) -> Result<(), Failed> {
        match &self.status.lock().job {
            Some(job) => {
                let text = format!("job {} has the server's files", job.id);
                Err(refuse("busy", text, true))
            }
            None => Ok(()),
        }
    }

    /// Takes room for so many bytes more, of the server's limit and of the disk.
    fn grow(&self, bytes: u64) -> Result<(), Failed> {
        if bytes == 0 {
            return Ok(());
        }
        self.fits(bytes)?;
        let mut status = self.status.lock();
        status.disk_bytes = status.disk_bytes.saturating_add(bytes);
        Ok(())
    }

    /// Whether there would be room for so many.
    fn fits(&self, bytes: u64) -> Result<(), Failed> {
        room::fits(&self.deps.settings, &self.status, bytes)
            .map_err(|full| refuse(&full.code, full.detail, false))
    }

    /// So many bytes are there no more. The next count of all files puts right what this gets wrong.
    fn shrink(&self, bytes: u64) {
        let mut status = self.status.lock();
        status.disk_bytes = status.disk_bytes.saturating_sub(bytes);
    }
}

/// A jail's error, for an answer.
fn failure(e: jail::Error) -> Failed {
    refuse(e.code(), e.to_string(), false)
}

fn unknown_handle() -> Failed {
    refuse(
        "handle_unknown",
        "this file is not open any more; open it again",
        false,
    )
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failed> + Send + 'static,
) -> Result<T, Failed> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(refuse("internal", e.to_string(), true)),
    }
}

impl Bulk {
    /// `dir` holds what is known of files that came in part.
    pub fn open(dir: &std::path::Path) -> std::io::Result<Self> {
        Ok(Self {
            table: Table::default(),
            kept: Kept::open(dir)?,
            audit: Audit::default(),
            seats: Fair::with_seats(PER_SERVER),
        })
    }

    /// Handles at this moment.
    pub fn count(&self) -> usize {
        self.table.count()
    }

    /// Files that came in part and are kept.
    pub fn count_kept(&self) -> usize {
        self.kept.count()
    }

    /// Closes what its owner may use no more, and what nobody uses. Called often.
    pub async fn tidy(&self, node: &Node) {
        let holders = node.sessions.holders(node.control_time.now_ms());
        for handle in self.table.over(&holders, clock::mono_ms()) {
            tracing::debug!(server.id = %handle.server, "a file of somebody who is gone is closed");
            let live = Live::of(node, handle.server).ok();
            handle.abandon(&self.kept, live.as_ref()).await;
        }
        self.audit.flush(&node.deps, false);
    }

    /// Tells what it has put together; the agent ends.
    pub fn end(&self, node: &Node) {
        self.audit.flush(&node.deps, true);
    }

    /// Throws away what came in part and was given up. Blocks on the disk.
    pub fn sweep(&self, node: &Node) {
        let in_use = |server, upload| self.table.has_upload(server, upload);
        self.kept.sweep(&node.deps.settings, in_use);
    }
}

/// The answer's body to one ask.
pub async fn answer(node: Arc<Node>, ask: Ask) -> Result<Bytes, Failed> {
    if ask.node != Some(node.id) {
        return Err(refuse("wrong_node", "this is another node", false));
    }
    if node.quarantined().is_some() {
        // Sessions belong to the machine that control listens to.
        return Ok(Ask::silence());
    }
    let answered = dispatch(&node, &ask).await;
    if let Err(failure) = &answered {
        node.count_refused(&failure.code);
    }
    answered
}

async fn dispatch(node: &Arc<Node>, ask: &Ask) -> Result<Bytes, Failed> {
    match ask.kind.as_str() {
        bulk::OPEN => Ok(ask.ok(&begin::open(node, ask.open()?).await?)),
        bulk::READ => {
            let asked: wire::BulkRead = ask.open()?;
            let call = judge(node, asked.of, Need::Read)?;
            let length = match asked.length as usize {
                0 => MAX_CHUNK,
                length => length.min(MAX_CHUNK),
            };
            let data = call.handle.read(asked.offset, length).await?;
            if let Some(size) = call.handle.first_read() {
                call.noted(node, "download", size);
            }
            count("out", data.data.len());
            Ok(ask.ok(&data))
        }
        bulk::WRITE => {
            let asked: wire::BulkWrite = ask.open()?;
            let call = judge(node, asked.of, Need::Write)?;
            call.live.idle()?;
            if asked.data.len() > MAX_CHUNK {
                let text = format!("a chunk has at most {MAX_CHUNK} bytes");
                return Err(refuse("chunk_too_large", text, false));
            }
            if crc32fast::hash(&asked.data) != asked.crc {
                let text = "these bytes are not those that were sent; send them again";
                return Err(refuse("checksum_differs", text, true));
            }
            count("in", asked.data.len());
            let written = call.handle.write(&call.live, asked.offset, asked.data);
            let written = written.await?;
            if call.handle.first_write() {
                call.noted(node, "write", 0);
            }
            Ok(ask.ok(&written))
        }
        bulk::STAT => {
            let asked: wire::BulkLook = ask.open()?;
            let call = judge(node, asked.of, Need::Either)?;
            Ok(ask.ok(&call.handle.stat().await?))
        }
        bulk::SYNC => {
            let asked: wire::BulkSync = ask.open()?;
            let call = judge(node, asked.of, Need::Write)?;
            Ok(ask.ok(&call.handle.sync(&node.bulk.kept).await?))
        }
        bulk::SET => {
            let asked: wire::BulkSet = ask.open()?;
            let call = judge(node, asked.of.clone(), Need::Write)?;
            call.live.idle()?;
            Ok(ask.ok(&call.handle.set(&call.live, &asked).await?))
        }
        bulk::CLOSE => close(node, ask).await,
        _ => Err(refuse(
            "unknown_verb",
            "this agent does not know that ask",
            false,
        )),
    }
}

async fn close(node: &Arc<Node>, ask: &Ask) -> Result<Bytes, Failed> {
    let asked: wire::BulkClose = ask.open()?;
    let table = &node.bulk.table;
    let of = asked.of.clone().unwrap_or_default();
    if let Some((owner, server, closed)) = table.closed(&of.handle) {
        // Said again, because the first answer was lost.
        let now = node.control_time.now_ms();
        let ticket = node.sessions.who(&of.session, server, now)?;
        return match owner_of(&ticket) == owner {
            true => Ok(ask.ok(&closed)),
            false => Err(unknown_handle()),
        };
    }
    let need = match asked.commit {
        true => Need::Write,
        false => Need::Either,
    };
    let call = match judge(node, asked.of.clone(), need) {
        Err(f) if f.code == "handle_unknown" && !asked.commit => {
            return Ok(ask.ok(&wire::BulkClosed::default()));
        }
        judged => judged?,
    };
    if asked.commit {
        call.live.idle()?;
    }
    let closed = call
        .handle
        .close(&call.live, &node.bulk.kept, &asked)
        .await?;
    table.close(&call.handle, closed.clone());
    if let Some(stat) = closed
        .stat
        .as_ref()
        .filter(|_| asked.commit && call.handle.is_coming())
    {
        call.noted(node, "upload", stat.size_bytes);
    }
    Ok(ask.ok(&closed))
}

/// The handle of a call, if whoever asks is who opened it and still may.
fn judge(node: &Node, of: Option<wire::BulkHandle>, need: Need) -> Result<Call, Failed> {
    let of = of.ok_or_else(|| refuse("bad_message", "no handle is named", false))?;
    let handle = node.bulk.table.get(&of.handle).ok_or_else(unknown_handle)?;
    let now = node.control_time.now_ms();
    let ticket = node.sessions.who(&of.session, handle.server, now);
    // Of another server, or another's: that it is there at all is nobody else's business.
    let ticket = ticket.map_err(|f| match f.code.as_str() {
        "session_unknown" => f,
        _ => unknown_handle(),
    })?;
    if owner_of(&ticket) != handle.owner {
        return Err(unknown_handle());
    }
    may(&ticket, &handle, need)?;
    let live = Live::of(node, handle.server)?.under(&ticket);
    live.allowed(handle.path.as_str())?;
    let seat = node.bulk.seats.seat(handle.server)?;
    let turn = handle.turn()?;
    Ok(Call {
        handle,
        live,
        _seat: seat,
        _turn: turn,
    })
}

fn owner_of(ticket: &Ticket) -> Owner {
    (ticket.session, ticket.user)
}

fn may(ticket: &Ticket, handle: &Handle, need: Need) -> Result<(), Failed> {
    let wrong = || {
        let text = "this file is not open for that";
        Err(refuse("handle_mode", text, false))
    };
    let reads = handle.reads.then_some(right::FILE_READ);
    let needed = match need {
        Need::Read if !handle.reads => return wrong(),
        Need::Read => reads,
        Need::Write if handle.writes.is_none() => return wrong(),
        Need::Write => handle.writes,
        Need::Either => handle.writes.or(reads),
    };
    match needed {
        Some(right) if !ticket.may(right) => Err(lacks(right)),
        _ => Ok(()),
    }
}

fn count(direction: &'static str, bytes: usize) {
    metrics::counter!("warren_agent_bulk_bytes_total", "direction" => direction)
        .increment(bytes as u64);
}
