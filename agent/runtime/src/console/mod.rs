//! A game's console on disk: stdin is a FIFO, stdout a regular file used as a spool.
//!
//! The spool is never renamed or truncated: the shim holds it open without O_APPEND and goes on
//! writing at its own offset. Space comes back by punching holes below what was committed. A disk
//! that fills up wedges the game's console for good, so watch [`free_bytes`].

mod spool;
mod stdin;

use std::fs::OpenOptions;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::Mode;

pub use spool::{Chunk, Spool, free_bytes};
pub use stdin::{Input, MAX_LINE, StdinWriter, Witness};

use crate::runtime::{Console, Error, Result};

/// Makes the FIFO and the spool files that a container is about to be given. Existing ones are kept:
/// a fresh run needs fresh names.
pub fn prepare(console: &Console) -> Result<()> {
    if let Some(stdin) = &console.stdin {
        fifo(stdin)?;
    }
    let files = [Some(&console.stdout), console.stderr.as_ref()];
    for file in files.into_iter().flatten() {
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(file)
            .map_err(Error::io(format!("create {}", file.display())))?;
    }
    Ok(())
}

fn fifo(path: &Path) -> Result<()> {
    let what = || format!("create {}", path.display());
    match rustix::fs::mknodat(
        rustix::fs::CWD,
        path,
        rustix::fs::FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    ) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::EXIST) => {
            let there = std::fs::symlink_metadata(path).map_err(Error::io(what()))?;
            if there.file_type().is_fifo() {
                return Ok(());
            }
            Err(Error::Conflict {
                what: path.display().to_string(),
            })
        }
        Err(errno) => Err(Error::io(what())(errno.into())),
    }
}
