//! What a client sends over a channel: the first two bytes say in which pieces it comes. It is cut into questions and read;
//! whatever it is, nothing is held beyond what came, and no path leads above the root.
#![no_main]
#![allow(dead_code)]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;

#[path = "../../src/sftp"]
mod sftp {
    pub mod attrs;
    pub mod inbox;
    pub mod packet;
    pub mod path;
}
#[path = "../../src/ssh"]
mod ssh {
    pub mod wire;
}

use sftp::attrs::Attrs;
use sftp::inbox::{Inbox, MAX_QUESTION};
use sftp::packet::{self, Ask};
use sftp::path;
use ssh::wire::{Malformed, Reader};

/// All questions, up to what can be none.
fn questions(bytes: &[u8], pieces: impl Iterator<Item = usize>) -> (Vec<Bytes>, bool) {
    let (mut inbox, mut all, mut rest) = (Inbox::default(), Vec::new(), bytes);
    for piece in pieces {
        let (now, later) = rest.split_at(piece.clamp(1, rest.len().max(1)).min(rest.len()));
        inbox.take(now);
        rest = later;
        loop {
            match inbox.question() {
                Ok(Some(question)) => all.push(question),
                Ok(None) => break,
                Err(Malformed) => return (all, false),
            }
        }
        assert!(!inbox.has_more());
        if rest.is_empty() {
            break;
        }
    }
    (all, true)
}

fn text(text: &str, came: usize) {
    assert!(text.len() < came);
    if let Ok(plain) = path::plain(text) {
        assert!(plain.starts_with('/') && plain.len() <= text.len() + 1 && !plain.contains('\0'));
        assert!(plain == "/" || plain.split('/').skip(1).all(|part| !matches!(part, "" | "." | "..")));
        assert_eq!(path::plain(&plain), Ok(plain));
    }
}

fn attributes(attrs: &Attrs) {
    let mut out = BytesMut::new();
    attrs.write(&mut out);
    assert_eq!(Attrs::read(&mut Reader(out.freeze())), Ok(*attrs));
    assert!(attrs.bits().unwrap_or_default() <= 0o777);
}

fn one(question: Bytes) {
    let came = question.len();
    assert!((1..=MAX_QUESTION).contains(&came));
    let Ok((_, ask)) = packet::read(question) else {
        assert!(came < 5);
        return;
    };
    let Ok(ask) = ask else { return };
    match &ask {
        Ask::Open { path, attrs, .. } | Ask::Setstat { path, attrs, .. } => {
            text(path, came);
            attributes(attrs);
        }
        Ask::Fsetstat { handle, attrs } => {
            assert!(handle.len() < came);
            attributes(attrs);
        }
        Ask::Write { handle, data, .. } => assert!(handle.len() + data.len() < came),
        Ask::Stat { path, .. }
        | Ask::Opendir(path)
        | Ask::Remove(path)
        | Ask::Mkdir(path)
        | Ask::Rmdir(path)
        | Ask::Realpath(path)
        | Ask::Readlink(path)
        | Ask::Statvfs(path) => text(path, came),
        Ask::Rename { from, to, .. } => {
            text(from, came);
            text(to, came);
        }
        Ask::Symlink { target, path } => {
            assert!(target.len() < came);
            text(path, came);
        }
        Ask::Names { uids, gids } => assert!(uids.len() + gids.len() < came),
        _ => {}
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((pieces, rest)) = bytes.split_first_chunk::<2>() else { return };
    let pieces = pieces.map(|n| usize::from(n) + 1);
    let (in_pieces, fine) = questions(rest, pieces.into_iter().cycle());
    assert_eq!(questions(rest, std::iter::once(rest.len())), (in_pieces.clone(), fine));
    for question in in_pieces {
        one(question);
    }
    // What a client sends as one question, whatever it claims to be.
    if !rest.is_empty() && rest.len() <= MAX_QUESTION {
        one(Bytes::copy_from_slice(rest));
    }
});
