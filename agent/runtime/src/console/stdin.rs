//! Lines into a game's stdin.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use tokio::net::unix::pipe;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::runtime::{Error, Result};

/// Bytes of one line without its end: with the newline it is PIPE_BUF, which the kernel writes whole
/// or not at all, and what a terminal in line mode takes.
pub const MAX_LINE: usize = 4095;

const PATIENCE: Duration = Duration::from_secs(2);

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The whole line is in the pipe.
    Written,
    /// The game did not read for two seconds and the pipe is full. Nothing was written.
    Busy,
    /// There is no pipe: nothing runs.
    Off,
}

/// The agent's end of a stdin FIFO. Lines of several callers never mix.
pub struct StdinWriter {
    pipe: Mutex<Option<pipe::Sender>>,
}

/// Stands beside the one system call that gives a line to the game.
pub trait Witness {
    /// Right before it.
    fn begins(&self);
    /// Right after it: whether the game has the line. It may begin again.
    fn ended(&self, written: bool);
}

impl Witness for () {
    fn begins(&self) {}
    fn ended(&self, _written: bool) {}
}

impl StdinWriter {
    /// Opens the FIFO read-write: that never blocks, and the game sees no end of file when the agent
    /// dies, because the shim holds an end as well.
    /// # Errors
    /// `Io` if it is missing or no FIFO. Must be called within a tokio runtime.
    pub fn open(path: &Path) -> Result<Self> {
        let pipe = pipe::OpenOptions::new()
            .read_write(true)
            .open_sender(path)
            .map_err(Error::io(format!("open {}", path.display())))?;
        Ok(Self {
            pipe: Mutex::new(Some(pipe)),
        })
    }

    /// A writer that answers [`Input::Off`].
    pub fn off() -> Self {
        Self {
            pipe: Mutex::new(None),
        }
    }

    /// From now on every line is answered with [`Input::Off`].
    pub async fn close(&self) {
        self.pipe.lock().await.take();
    }

    /// Writes one line; a newline is added.
    /// # Errors
    /// `Invalid` if it is longer than [`MAX_LINE`] or has a line end inside.
    pub async fn write_line(&self, line: &[u8]) -> Result<Input> {
        self.write_line_beside(line, &()).await
    }

    /// [`StdinWriter::write_line`] with a witness.
    /// # Errors
    /// As there.
    pub async fn write_line_beside(&self, line: &[u8], witness: &impl Witness) -> Result<Input> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > MAX_LINE {
            return Err(Error::Invalid(format!(
                "a console line has at most {MAX_LINE} bytes, this one has {}",
                line.len()
            )));
        }
        if line.iter().any(|c| matches!(c, b'\n' | b'\r')) {
            return Err(Error::Invalid("one line at a time".into()));
        }
        self.write([line, b"\n"].concat(), witness).await
    }

    /// Writes a few raw bytes, e.g. `\x03`, at most PIPE_BUF of them.
    pub async fn write_raw(&self, bytes: &[u8]) -> Result<Input> {
        if bytes.len() > MAX_LINE + 1 {
            return Err(Error::Invalid("too many bytes at once".into()));
        }
        self.write(bytes.to_vec(), &()).await
    }

    async fn write(&self, bytes: Vec<u8>, witness: &impl Witness) -> Result<Input> {
        let deadline = Instant::now() + PATIENCE;
        let Ok(pipe) = timeout_at(deadline, self.pipe.lock()).await else {
            return Ok(Input::Busy);
        };
        let Some(pipe) = pipe.as_ref() else {
            return Ok(Input::Off);
        };
        loop {
            witness.begins();
            let tried = pipe.try_write(&bytes);
            witness.ended(tried.is_ok());
            match tried {
                Ok(_) => return Ok(Input::Written),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) if e.kind() == ErrorKind::BrokenPipe => return Ok(Input::Off),
                Err(e) => return Err(Error::io("write to stdin")(e)),
            }
            match timeout_at(deadline, pipe.writable()).await {
                Err(_) => return Ok(Input::Busy),
                Ok(Ok(())) => {
                    // Writable means one free page, but a whole line may need more: do not spin.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    if Instant::now() >= deadline {
                        return Ok(Input::Busy);
                    }
                }
                Ok(Err(e)) => return Err(Error::io("wait for stdin")(e)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    fn pair() -> (tempfile::TempDir, StdinWriter, std::fs::File) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in");
        super::super::fifo(&path).unwrap();
        let reader = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&path)
            .unwrap();
        let writer = StdinWriter::open(&path).unwrap();
        (dir, writer, reader)
    }

    #[tokio::test]
    async fn a_line_arrives_with_one_end() {
        let (_dir, writer, mut reader) = pair();
        assert_eq!(
            writer.write_line(b"say hi\r\n").await.unwrap(),
            Input::Written
        );
        let mut got = [0; 64];
        let n = reader.read(&mut got).unwrap();
        assert_eq!(&got[..n], b"say hi\n");
    }

    #[tokio::test]
    async fn a_full_pipe_is_busy_and_takes_no_part_of_a_line() {
        let (_dir, writer, mut reader) = pair();
        let line = [b'x'; MAX_LINE];
        while writer.write_line(&line).await.unwrap() == Input::Written {}
        let mut all = Vec::new();
        let mut buf = [0; 1 << 16];
        while let Ok(n) = reader.read(&mut buf) {
            all.extend_from_slice(&buf[..n]);
        }
        assert_eq!(all.len() % (MAX_LINE + 1), 0);
        assert_eq!(writer.write_line(b"again").await.unwrap(), Input::Written);
    }

    #[tokio::test]
    async fn long_lines_and_two_lines_are_refused() {
        let (_dir, writer, _reader) = pair();
        assert!(writer.write_line(&[b'x'; MAX_LINE + 1]).await.is_err());
        assert!(writer.write_line(b"a\nb").await.is_err());
        writer.close().await;
        assert_eq!(writer.write_line(b"a").await.unwrap(), Input::Off);
    }
}
