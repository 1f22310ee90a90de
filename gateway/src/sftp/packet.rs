//! SFTP version 3 (draft-ietf-secsh-filexfer-02), and OpenSSH's extensions of it.

use bytes::{BufMut, Bytes, BytesMut};

use super::attrs::{Attrs, Name};
use crate::ssh::wire::{Malformed, Put, Reader};

/// The longest packet, as OpenSSH has it.
pub const MAX_PACKET: usize = 256 * 1024;
/// Bytes of one read or write, as OpenSSH has it.
pub const MAX_DATA: u32 = 261_120;

pub const INIT: u8 = 1;
const VERSION: u8 = 2;

/// What went wrong, for the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Ok = 0,
    Eof = 1,
    NoSuchFile = 2,
    PermissionDenied = 3,
    Failure = 4,
    BadMessage = 5,
    Unsupported = 8,
}

pub mod flag {
    pub const READ: u32 = 1;
    pub const WRITE: u32 = 2;
    pub const APPEND: u32 = 4;
    pub const CREAT: u32 = 8;
    pub const TRUNC: u32 = 16;
    pub const EXCL: u32 = 32;
}

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    Open {
        path: String,
        flags: u32,
        attrs: Attrs,
    },
    Close(Bytes),
    Read {
        handle: Bytes,
        offset: u64,
        length: u32,
    },
    Write {
        handle: Bytes,
        offset: u64,
        data: Bytes,
    },
    Stat {
        path: String,
        follow: bool,
    },
    Fstat(Bytes),
    Setstat {
        path: String,
        attrs: Attrs,
        follow: bool,
    },
    Fsetstat {
        handle: Bytes,
        attrs: Attrs,
    },
    Opendir(String),
    Readdir(Bytes),
    Remove(String),
    Mkdir(String),
    Rmdir(String),
    Realpath(String),
    Rename {
        from: String,
        to: String,
        replace: bool,
    },
    Readlink(String),
    Symlink {
        target: String,
        path: String,
    },
    Statvfs(String),
    Fstatvfs(Bytes),
    Fsync(Bytes),
    Limits,
    Home,
    Copy {
        from: Bytes,
        offset: u64,
        length: u64,
        to: Bytes,
        at: u64,
    },
    Names {
        uids: Bytes,
        gids: Bytes,
    },
    Unsupported,
}

/// Reads a packet without its length: the question and its id. What can't be read has an id all the same where there is one.
pub fn read(packet: Bytes) -> Result<(u32, Result<Ask, Malformed>), Malformed> {
    let mut reader = Reader(packet);
    let kind = reader.u8()?;
    let id = reader.u32()?;
    Ok((id, ask(kind, &mut reader)))
}

fn ask(kind: u8, r: &mut Reader) -> Result<Ask, Malformed> {
    Ok(match kind {
        3 => Ask::Open {
            path: r.text()?,
            flags: r.u32()?,
            attrs: Attrs::read(r)?,
        },
        4 => Ask::Close(r.bytes()?),
        5 => Ask::Read {
            handle: r.bytes()?,
            offset: r.u64()?,
            length: r.u32()?,
        },
        6 => Ask::Write {
            handle: r.bytes()?,
            offset: r.u64()?,
            data: r.bytes()?,
        },
        7 => Ask::Stat {
            path: r.text()?,
            follow: false,
        },
        8 => Ask::Fstat(r.bytes()?),
        9 => Ask::Setstat {
            path: r.text()?,
            attrs: Attrs::read(r)?,
            follow: true,
        },
        10 => Ask::Fsetstat {
            handle: r.bytes()?,
            attrs: Attrs::read(r)?,
        },
        11 => Ask::Opendir(r.text()?),
        12 => Ask::Readdir(r.bytes()?),
        13 => Ask::Remove(r.text()?),
        14 => Ask::Mkdir(r.text()?),
        15 => Ask::Rmdir(r.text()?),
        16 => Ask::Realpath(r.text()?),
        17 => Ask::Stat {
            path: r.text()?,
            follow: true,
        },
        18 => Ask::Rename {
            from: r.text()?,
            to: r.text()?,
            replace: false,
        },
        19 => Ask::Readlink(r.text()?),
        // The draft has them the other way round; everybody does as OpenSSH does.
        20 => Ask::Symlink {
            target: r.text()?,
            path: r.text()?,
        },
        200 => return extended(r),
        _ => Ask::Unsupported,
    })
}

fn extended(r: &mut Reader) -> Result<Ask, Malformed> {
    let name = r.bytes()?;
    Ok(match &name[..] {
        b"posix-rename@openssh.com" => Ask::Rename {
            from: r.text()?,
            to: r.text()?,
            replace: true,
        },
        b"statvfs@openssh.com" => Ask::Statvfs(r.text()?),
        b"fstatvfs@openssh.com" => Ask::Fstatvfs(r.bytes()?),
        b"fsync@openssh.com" => Ask::Fsync(r.bytes()?),
        b"lsetstat@openssh.com" => Ask::Setstat {
            path: r.text()?,
            attrs: Attrs::read(r)?,
            follow: false,
        },
        b"limits@openssh.com" => Ask::Limits,
        b"expand-path@openssh.com" => {
            let path = r.text()?;
            let below_home = path
                .strip_prefix('~')
                .map(|rest| rest.trim_start_matches('/').to_owned());
            Ask::Realpath(below_home.unwrap_or(path))
        }
        b"home-directory" => Ask::Home,
        b"copy-data" => Ask::Copy {
            from: r.bytes()?,
            offset: r.u64()?,
            length: r.u64()?,
            to: r.bytes()?,
            at: r.u64()?,
        },
        b"users-groups-by-id@openssh.com" => Ask::Names {
            uids: r.bytes()?,
            gids: r.bytes()?,
        },
        _ => Ask::Unsupported,
    })
}

/// An answer: what stands before the data, and the data as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub head: Bytes,
    pub body: Bytes,
}

fn reply(kind: u8, id: u32, write: impl FnOnce(&mut BytesMut)) -> Reply {
    let mut all = BytesMut::with_capacity(64);
    all.put_u32(0);
    all.put_u8(kind);
    all.put_u32(id);
    write(&mut all);
    let length = u32::try_from(all.len() - 4).unwrap_or(u32::MAX);
    all[..4].copy_from_slice(&length.to_be_bytes());
    Reply {
        head: all.freeze(),
        body: Bytes::new(),
    }
}

/// Of INIT.
pub fn version() -> Reply {
    let mut all = BytesMut::new();
    all.put_u32(0);
    all.put_u8(VERSION);
    all.put_u32(3);
    for (name, version) in [
        ("posix-rename@openssh.com", "1"),
        ("statvfs@openssh.com", "2"),
        ("fstatvfs@openssh.com", "2"),
        ("fsync@openssh.com", "1"),
        ("lsetstat@openssh.com", "1"),
        ("limits@openssh.com", "1"),
        ("expand-path@openssh.com", "1"),
        ("copy-data", "1"),
        ("home-directory", "1"),
        ("users-groups-by-id@openssh.com", "1"),
    ] {
        all.string(name.as_bytes());
        all.string(version.as_bytes());
    }
    let length = u32::try_from(all.len() - 4).unwrap_or(u32::MAX);
    all[..4].copy_from_slice(&length.to_be_bytes());
    Reply {
        head: all.freeze(),
        body: Bytes::new(),
    }
}

pub fn status(id: u32, code: Code, text: &str) -> Reply {
    reply(101, id, |out| {
        out.put_u32(code as u32);
        out.string(text.as_bytes());
        out.string(b"en");
    })
}

pub fn handle(id: u32, handle: &[u8]) -> Reply {
    reply(102, id, |out| out.string(handle))
}

pub fn data(id: u32, data: Bytes) -> Reply {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut head = BytesMut::with_capacity(13);
    head.put_u32(length.saturating_add(9));
    head.put_u8(103);
    head.put_u32(id);
    head.put_u32(length);
    Reply {
        head: head.freeze(),
        body: data,
    }
}

pub fn names(id: u32, names: &[Name]) -> Reply {
    reply(104, id, |out| {
        out.put_u32(u32::try_from(names.len()).unwrap_or(u32::MAX));
        for name in names {
            out.string(name.name.as_bytes());
            out.string(name.long.as_bytes());
            name.attrs.write(out);
        }
    })
}

pub fn attrs(id: u32, attrs: &Attrs) -> Reply {
    reply(105, id, |out| attrs.write(out))
}

pub fn extended_reply(id: u32, write: impl FnOnce(&mut BytesMut)) -> Reply {
    reply(201, id, write)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_question_is_read_as_its_form_says_or_refused_under_its_id() {
        let mut packet = vec![5, 0, 0, 0, 7];
        packet.string(b"h");
        packet.extend_from_slice(&[0; 8]);
        packet.extend_from_slice(&[0, 0, 1, 0]);
        let whole = Bytes::from(packet);
        let (id, ask) = read(whole.clone()).unwrap();
        let wanted = Ask::Read {
            handle: Bytes::from_static(b"h"),
            offset: 0,
            length: 256,
        };
        assert_eq!((id, ask), (7, Ok(wanted)));
        for cut in 5..whole.len() {
            assert_eq!(read(whole.slice(..cut)).unwrap(), (7, Err(Malformed)));
        }
        for cut in 0..5 {
            assert_eq!(read(whole.slice(..cut)), Err(Malformed));
        }
        let unknown = Bytes::from_static(&[99, 0, 0, 0, 1]);
        assert_eq!(read(unknown).unwrap(), (1, Ok(Ask::Unsupported)));
    }

    #[test]
    fn an_answer_says_how_long_it_is() {
        let reply = data(3, Bytes::from_static(b"hello"));
        assert_eq!(&reply.head[..4], (9_u32 + 5).to_be_bytes());
        let reply = status(3, Code::Eof, "end");
        assert_eq!(
            reply.head.len() - 4,
            usize::try_from(u32::from_be_bytes(reply.head[..4].try_into().unwrap())).unwrap()
        );
    }
}
