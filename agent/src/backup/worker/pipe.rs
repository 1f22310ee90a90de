//! The store, as rustic sees it: every request goes to the agent and is waited for.

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use rustic_core::{
    BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend,
};

use super::super::frame::{self, Ask, FromWorker, ToWorker};
use super::kind_of;

/// Progress is told so often at most.
const TELL: Duration = Duration::from_millis(200);

type Answer = Result<(Vec<(String, u32)>, Bytes), String>;

/// See the module.
#[derive(Debug)]
pub struct Pipe {
    out: Mutex<UnixStream>,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, mpsc::Sender<Answer>>>,
    told: Mutex<Option<Instant>>,
    refused: Mutex<Option<(String, String)>>,
}

impl Pipe {
    /// Speaks into that socket.
    pub fn new(out: UnixStream) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            out: Mutex::new(out),
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
            told: Mutex::default(),
            refused: Mutex::default(),
        }))
    }

    /// Hears answers until the agent is gone; then there is nothing left to do.
    pub fn listen(self: &Arc<Self>, mut from: UnixStream) {
        let pipe = self.clone();
        std::thread::spawn(move || {
            while let Ok((said, body)) = frame::take::<ToWorker>(&mut from) {
                let (id, answer) = match said {
                    ToWorker::Listed(id, files) => (id, Ok((files, Bytes::new()))),
                    ToWorker::Data(id) => (id, Ok((Vec::new(), body.into()))),
                    ToWorker::Done(id) => (id, Ok((Vec::new(), Bytes::new()))),
                    ToWorker::Refused(id, code, message) => {
                        pipe.refused
                            .lock()
                            .get_or_insert_with(|| (code, message.clone()));
                        (id, Err(message))
                    }
                    ToWorker::Task(_) => continue,
                };
                if let Some(waits) = pipe.waiting.lock().remove(&id) {
                    let _ = waits.send(answer);
                }
            }
            pipe.waiting.lock().clear();
        });
    }

    /// What the store first refused.
    pub fn refusal(&self) -> Option<(String, String)> {
        self.refused.lock().clone()
    }

    /// Tells the agent something.
    pub fn say(&self, said: &FromWorker) -> io::Result<()> {
        frame::put(&mut *self.out.lock(), said, &[])
    }

    /// Tells what is being done. Nobody waits for it; a pipe that is gone ends the worker elsewhere.
    pub fn step(&self, step: &str) {
        let _ = self.say(&FromWorker::Progress {
            step: step.into(),
            bytes: None,
        });
    }

    /// Tells how far it is, now and then.
    pub fn bytes(&self, step: &str, done: u64, total: u64) {
        {
            let mut told = self.told.lock();
            if told.is_some_and(|at| at.elapsed() < TELL) {
                return;
            }
            *told = Some(Instant::now());
        }
        let _ = self.say(&FromWorker::Progress {
            step: step.into(),
            bytes: Some((done, total)),
        });
    }

    fn ask(&self, ask: Ask, body: &[&[u8]]) -> RusticResult<(Vec<(String, u32)>, Bytes)> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, waits) = mpsc::channel();
        self.waiting.lock().insert(id, answer);
        let said = FromWorker::Ask { id, ask };
        let gone = |e: &dyn std::fmt::Display| {
            RusticError::new(ErrorKind::Backend, format!("the agent is gone: {e}"))
        };
        frame::put(&mut *self.out.lock(), &said, body).map_err(|e| gone(&e))?;
        match waits.recv() {
            Ok(Ok(answer)) => Ok(answer),
            // Braces in it would be taken for names of context.
            Ok(Err(message)) => Err(RusticError::new(
                ErrorKind::Backend,
                message.replace(['{', '}'], ""),
            )),
            Err(e) => Err(gone(&e)),
        }
    }

    /// rustic goes on when a pack could not be written; a snapshot that lacks it must not come to be.
    fn unless_refused(&self) -> RusticResult<()> {
        match self.refusal() {
            Some((_, message)) => Err(RusticError::new(
                ErrorKind::Backend,
                message.replace(['{', '}'], ""),
            )),
            None => Ok(()),
        }
    }
}

fn name(id: &Id) -> String {
    id.to_hex().as_str().to_owned()
}

impl ReadBackend for Pipe {
    fn location(&self) -> String {
        "warren".into()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let (files, _) = self.ask(Ask::List(kind_of(kind)), &[])?;
        files
            .into_iter()
            .map(|(id, size)| match kind {
                FileType::Config => Ok((Id::default(), size)),
                _ => Ok((id.parse()?, size)),
            })
            .collect()
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        let ask = Ask::Read(kind_of(kind), name(id), None);
        Ok(self.ask(ask, &[])?.1)
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        let ask = Ask::Read(kind_of(kind), name(id), Some((offset, length)));
        Ok(self.ask(ask, &[])?.1)
    }

    fn warmup_path(&self, _kind: FileType, id: &Id) -> String {
        name(id)
    }
}

impl WriteBackend for Pipe {
    fn write_bytes(
        &self,
        kind: FileType,
        id: &Id,
        _cacheable: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        self.unless_refused()?;
        let parts: Vec<&[u8]> = content.slice().iter().map(|b| &**b).collect();
        self.ask(Ask::Write(kind_of(kind), name(id)), &parts)?;
        Ok(())
    }

    fn remove(&self, kind: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        self.unless_refused()?;
        self.ask(Ask::Remove(kind_of(kind), name(id)), &[])?;
        Ok(())
    }
}
