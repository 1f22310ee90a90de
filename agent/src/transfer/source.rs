//! The node that has the files: answers who was granted them, for as long as control says so again and again.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use warren_proto::bus::Ask;
use warren_proto::ids::{NodeId, ServerId};
use warren_proto::subjects::xfer;
use warren_proto::{Message as _, wire};
use warren_runtime::jail::{self, Cargo, Jail, Kind, Manifest};

use super::{Failed, MOST, Of, parse, peer, secret};
use crate::clock;
use crate::link::session::refuse;
use crate::node::Node;
use crate::server::deps::Settings;

/// Entries of one server that can be moved.
pub const MOST_ENTRIES: usize = 1_000_000;
/// Bytes of one answer.
pub const MOST_BYTES: usize = 256 * 1024;
/// Bytes that one ask for checksums may cover.
pub const MOST_DIGESTED: u64 = 32 << 20;
/// Ranges of one ask for bytes.
pub const MOST_READS: usize = 64;
/// Ranges of one ask for checksums.
pub const MOST_DIGESTS: usize = 256;
/// Stretches of a file with holes that are told apart.
pub const MOST_EXTENTS: usize = 8000;
/// Encoded bytes of one page of the list.
const PAGE: usize = 200 * 1024;
/// How long an ask for the list waits until it is made.
const LISTING: Duration = Duration::from_secs(20);
/// A grant is never longer, whatever is asked for.
const LONGEST_S: u32 = 600;

type Listed = Option<Result<Arc<Manifest>, Failed>>;

/// Who may read which server's files.
pub(super) struct Grant {
    server: ServerId,
    to: NodeId,
    /// Hashed, so that comparing tells nothing by its time.
    secret: [u8; 32],
    until_ms: i64,
    /// The newest list that was asked for.
    list: Option<(u32, watch::Receiver<Listed>)>,
}

fn hashed(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// Control grants, or goes on granting.
pub(super) fn grant(node: &Node, of: Of, asked: wire::TransferGrant) -> Result<(), Failed> {
    let to = peer(node, &asked.to)?;
    let secret = hashed(&secret(&asked.secret)?);
    if node.servers.get(of.server).is_none() {
        return Err(crate::server::unknown_server());
    }
    let until_ms = clock::mono_ms() + i64::from(asked.valid_s.min(LONGEST_S)) * 1000;
    let mut grants = node.transfers.grants.lock();
    grants.retain(|_, grant| grant.until_ms > clock::mono_ms());
    if grants.len() >= MOST && !grants.contains_key(&of.transfer) {
        let text = "too many servers leave this node at once";
        return Err(refuse("busy", text, true));
    }
    let list = grants.remove(&of.transfer).and_then(|grant| grant.list);
    let grant = Grant {
        server: of.server,
        to,
        secret,
        until_ms,
        list,
    };
    grants.insert(of.transfer, grant);
    Ok(())
}

/// The answer's body to what another node asks.
pub async fn answer(node: Arc<Node>, ask: Ask) -> Result<Bytes, Failed> {
    if ask.node != Some(node.id) {
        return Err(refuse("wrong_node", "this is another node", false));
    }
    if node.quarantined().is_some() {
        return Ok(Ask::silence());
    }
    let answered = dispatch(&node, &ask).await;
    if let Err(failure) = &answered {
        node.count_refused(&failure.code);
    }
    answered
}

/// The bus lets nobody but that node itself speak here.
fn receiver_of(ask: &Ask) -> Result<NodeId, Failed> {
    let named = ask.subject.split('.').nth(2);
    parse(named.unwrap_or_default(), "node")
}

async fn dispatch(node: &Arc<Node>, ask: &Ask) -> Result<Bytes, Failed> {
    let from = receiver_of(ask)?;
    match ask.kind.as_str() {
        xfer::LIST => {
            let asked: wire::TransferList = ask.open()?;
            let server = granted(node, from, &asked.transfer, &asked.secret)?;
            let list = list(node, server, &asked)?;
            page(ask, list, asked.after).await
        }
        xfer::READ => {
            let asked: wire::TransferRead = ask.open()?;
            let server = granted(node, from, &asked.transfer, &asked.secret)?;
            let bytes: u64 = asked
                .ranges
                .iter()
                .map(|r| r.length)
                .fold(0, u64::saturating_add);
            if asked.ranges.len() > MOST_READS || bytes > MOST_BYTES as u64 {
                return Err(refuse("bad_message", "that is too much at once", false));
            }
            let chunks = with_jail(node, server, move |jail| {
                let chunks = asked.ranges.iter().map(|range| chunk(jail, range));
                Ok(wire::TransferChunks {
                    chunks: chunks.collect::<Result<_, _>>()?,
                })
            });
            Ok(ask.ok(&chunks.await?))
        }
        xfer::DIGEST => {
            let asked: wire::TransferDigest = ask.open()?;
            let server = granted(node, from, &asked.transfer, &asked.secret)?;
            let bytes: u64 = asked
                .ranges
                .iter()
                .map(|r| r.length)
                .fold(0, u64::saturating_add);
            if asked.ranges.len() > MOST_DIGESTS || bytes > MOST_DIGESTED {
                return Err(refuse("bad_message", "that is too much at once", false));
            }
            let sums = with_jail(node, server, move |jail| {
                let sums = asked
                    .ranges
                    .iter()
                    .map(|range| match open(jail, &range.path)? {
                        Some(file) => sum(&file, range.offset, range.length).map(|s| s.to_vec()),
                        None => Ok(Vec::new()),
                    });
                Ok(wire::TransferDigests {
                    sums: sums.collect::<Result<_, _>>()?,
                })
            });
            Ok(ask.ok(&sums.await?))
        }
        xfer::DATA => {
            let asked: wire::TransferWhere = ask.open()?;
            let server = granted(node, from, &asked.transfer, &asked.secret)?;
            let found = with_jail(node, server, move |jail| {
                let Some(file) = open(jail, &asked.path)? else {
                    return Ok(wire::TransferExtents::default());
                };
                let found = jail::extents(&file, MOST_EXTENTS).map_err(io)?;
                let ranges = found
                    .into_iter()
                    .map(|(offset, length)| wire::TransferRange {
                        path: Vec::new(),
                        offset,
                        length,
                    });
                Ok(wire::TransferExtents {
                    ranges: ranges.collect(),
                })
            });
            Ok(ask.ok(&found.await?))
        }
        _ => Err(refuse(
            "unknown_verb",
            "this agent does not know that ask",
            false,
        )),
    }
}

/// The server whose files that node may read under this transfer. Of everything else it hears the same.
fn granted(node: &Node, from: NodeId, transfer: &str, secret: &[u8]) -> Result<ServerId, Failed> {
    let grants = node.transfers.grants.lock();
    let grant = transfer.parse().ok().and_then(|id| grants.get(&id));
    let good = grant.filter(|grant| {
        grant.to == from && grant.secret == hashed(secret) && grant.until_ms > clock::mono_ms()
    });
    good.map(|grant| grant.server).ok_or_else(|| {
        // Right after a restart of this process control has not said it again yet.
        let text = "control has not granted these files (any more)";
        refuse("not_granted", text, true)
    })
}

/// The list of that number: made once, in the background, for as long as none of a higher number is asked for.
fn list(
    node: &Arc<Node>,
    server: ServerId,
    asked: &wire::TransferList,
) -> Result<watch::Receiver<Listed>, Failed> {
    let mut grants = node.transfers.grants.lock();
    let grant = asked
        .transfer
        .parse()
        .ok()
        .and_then(|id| grants.get_mut(&id));
    let grant = grant.ok_or_else(|| refuse("not_granted", "nothing is granted", true))?;
    if let Some((pass, list)) = &grant.list
        && *pass == asked.pass
        && !matches!(&*list.borrow(), Some(Err(_)))
    {
        return Ok(list.clone());
    }
    if asked.after > 0 {
        // Of a list that an earlier process had made: the receiver begins again.
        let text = "this list is not here any more; begin it again";
        return Err(refuse("list_gone", text, false));
    }
    let (tell, told) = watch::channel(None);
    grant.list = Some((asked.pass, told.clone()));
    let settings = node.deps.settings.clone();
    tokio::task::spawn_blocking(move || {
        let made = jail_of(&settings, server)
            .and_then(|jail| jail.manifest(MOST_ENTRIES).map_err(failure));
        tell.send_replace(Some(made.map(Arc::new)));
    });
    Ok(told)
}

async fn page(ask: &Ask, mut list: watch::Receiver<Listed>, after: u64) -> Result<Bytes, Failed> {
    let waiting = list.wait_for(Option::is_some);
    let made = match tokio::time::timeout(LISTING, waiting).await {
        Ok(Ok(made)) => made.clone(),
        Ok(Err(_)) => return Err(refuse("list_gone", "the list was not made", false)),
        Err(_) => return Err(refuse("listing", "the list is still being made", true)),
    };
    let Some(made) = made else {
        return Err(refuse("listing", "the list is still being made", true));
    };
    let manifest = made?;
    let from = usize::try_from(after).unwrap_or(usize::MAX);
    let mut answer = wire::TransferItems {
        items: Vec::new(),
        total: manifest.items.len() as u64,
        skipped: manifest.skipped,
    };
    let mut bytes = 0;
    for item in manifest.items.iter().skip(from) {
        let item = to_wire(item);
        bytes += item.encoded_len() + 4;
        if bytes > PAGE && !answer.items.is_empty() {
            break;
        }
        answer.items.push(item);
    }
    Ok(ask.ok(&answer))
}

fn to_wire(item: &Cargo) -> wire::TransferItem {
    let kind = match item.kind {
        Kind::Directory => "d",
        Kind::Symlink => "l",
        _ => "f",
    };
    wire::TransferItem {
        path: item.path.clone(),
        kind: kind.into(),
        mode: item.mode,
        size_bytes: item.size_bytes,
        modified_ns: item.modified_ns,
        changed_ns: item.changed_ns,
        inode: item.inode,
        fresh: item.fresh,
        sparse: item.sparse,
        target: item.target.clone(),
    }
}

fn chunk(jail: &Jail, range: &wire::TransferRange) -> Result<wire::TransferChunk, Failed> {
    let Some(file) = open(jail, &range.path)? else {
        return Ok(wire::TransferChunk {
            gone: true,
            ..Default::default()
        });
    };
    let length = usize::try_from(range.length).unwrap_or(0).min(MOST_BYTES);
    let mut data = vec![0; length];
    let had = fill(&file, &mut data, range.offset).map_err(io)?;
    data.truncate(had);
    metrics::counter!("warren_agent_bulk_bytes_total", "direction" => "out").increment(had as u64);
    Ok(wire::TransferChunk {
        crc: crc32fast::hash(&data),
        data,
        gone: false,
    })
}

/// Reads until `data` is full or the file ends.
pub(super) fn fill(file: &File, data: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut had = 0;
    while had < data.len() {
        match file.read_at(&mut data[had..], offset.saturating_add(had as u64)) {
            Ok(0) => break,
            Ok(n) => had += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(had)
}

/// Checksum of what a file has there; the length of what is there is part of it.
pub(super) fn sum(file: &File, offset: u64, length: u64) -> Result<[u8; 32], Failed> {
    let mut sum = Sha256::new();
    let (mut at, end) = (offset, offset.saturating_add(length));
    let mut buffer = vec![0; MOST_BYTES];
    while at < end {
        let most = usize::try_from(end - at)
            .unwrap_or(MOST_BYTES)
            .min(MOST_BYTES);
        let had = fill(file, &mut buffer[..most], at).map_err(io)?;
        sum.update(&buffer[..had]);
        at += had as u64;
        if had < most {
            break;
        }
    }
    sum.update((at - offset).to_le_bytes());
    Ok(sum.finalize().into())
}

fn open(jail: &Jail, path: &[u8]) -> Result<Option<File>, Failed> {
    use jail::Error as E;
    match jail.unload(path) {
        Ok(file) => Ok(Some(file)),
        Err(
            E::NotFound(_)
            | E::NotADirectory(_)
            | E::NotAFile(_)
            | E::IsDirectory(_)
            | E::Outside(_),
        ) => Ok(None),
        Err(e) => Err(failure(e)),
    }
}

fn jail_of(settings: &Settings, server: ServerId) -> Result<Jail, Failed> {
    Jail::open(&settings.files_of(server)).map_err(failure)
}

async fn with_jail<T: Send + 'static>(
    node: &Arc<Node>,
    server: ServerId,
    work: impl FnOnce(&Jail) -> Result<T, Failed> + Send + 'static,
) -> Result<T, Failed> {
    let settings = node.deps.settings.clone();
    let done = tokio::task::spawn_blocking(move || work(&jail_of(&settings, server)?));
    match done.await {
        Ok(done) => done,
        Err(e) => Err(refuse("internal", e.to_string(), true)),
    }
}

pub(super) fn failure(e: jail::Error) -> Failed {
    refuse(e.code(), e.to_string(), false)
}

pub(super) fn io(e: std::io::Error) -> Failed {
    let code = match e.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "disk_full",
        _ => "file_io",
    };
    refuse(code, e.to_string(), false)
}
