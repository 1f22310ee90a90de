//! What is typed into a running game before its files are read and after, so that they are whole.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use warren_proto::wire;
use warren_runtime::console::{Input, StdinWriter};

use crate::job::{At, Figures};
use crate::server::start::Failure;

/// Lines of one hook.
const MOST_LINES: usize = 16;
/// A game may think so long about writing its world, milliseconds.
const MOST_WAIT_MS: u32 = 300_000;
const DEFAULT_WAIT_MS: u32 = 30_000;
/// The console is looked at so often meanwhile.
const LOOK: Duration = Duration::from_millis(50);
/// A process after a crash finds its games within a moment.
const ADOPTING: Duration = Duration::from_secs(5);

/// Types what comes before and waits until the game says that it is done. `after` is owed from here on, also by the
/// next process.
/// # Errors
/// That could not be written down.
pub async fn before(at: &At, hooks: &wire::BackupHooks) -> Result<(), Failure> {
    let Some(stdin) = stdin(at) else {
        return Ok(());
    };
    if hooks.before.is_empty() && hooks.after.is_empty() {
        return Ok(());
    }
    let after: Vec<&String> = hooks.after.iter().take(MOST_LINES).collect();
    let noted = at.note.write(json!({ "after": after })).await;
    noted.map_err(|e| Failure::new("disk", e))?;
    (at.progress)(Figures::step("asking the game to write its files"));
    let run = at.status.lock().run;
    let console = at.deps.consoles.server(at.server);
    let from = run.map_or(0, |run| console.seen(run));
    type_all(at, &stdin, hooks.before.iter()).await;
    if hooks.before.is_empty() {
        return Ok(());
    }
    let wait = match hooks.wait_ms {
        0 if hooks.ready.is_empty() => 0,
        0 => DEFAULT_WAIT_MS,
        ms => ms.min(MOST_WAIT_MS),
    };
    let until = tokio::time::Instant::now() + Duration::from_millis(u64::from(wait));
    while tokio::time::Instant::now() < until && !at.cancel.is_cancelled() {
        if !hooks.ready.is_empty()
            && let Some(run) = run
        {
            let ask = wire::RangeAsk {
                run: run.to_string(),
                from,
                ..Default::default()
            };
            let said = console.range(&ask).unwrap_or_default();
            let bytes: Vec<u8> = said.ranges.iter().flat_map(|r| r.data.to_vec()).collect();
            if String::from_utf8_lossy(&bytes).contains(&hooks.ready) {
                return Ok(());
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    if !hooks.ready.is_empty() && !at.cancel.is_cancelled() {
        let text = format!(
            "the game did not say {:?}; its files are read as they are",
            hooks.ready
        );
        at.deps.consoles.say(at.server, &text);
    }
    Ok(())
}

/// Types what comes after, if it is owed.
pub async fn after(at: &At) {
    let Some(lines) = owed(at) else { return };
    let until = tokio::time::Instant::now() + ADOPTING;
    let stdin = loop {
        match stdin(at) {
            Some(stdin) => break stdin,
            // It has ended meanwhile: a new start saves by itself.
            None if tokio::time::Instant::now() > until => return,
            None => tokio::time::sleep(LOOK).await,
        }
    };
    type_all(at, &stdin, lines.iter()).await;
    if let Err(e) = at.note.write(serde_json::Value::Null).await {
        tracing::warn!(server.id = %at.server, "the note of a backup can't be written: {e}");
    }
}

fn owed(at: &At) -> Option<Vec<String>> {
    let note = at.note.read();
    let lines = note.get("after")?.as_array()?;
    Some(
        lines
            .iter()
            .filter_map(|l| l.as_str().map(str::to_owned))
            .collect(),
    )
}

fn stdin(at: &At) -> Option<Arc<StdinWriter>> {
    let status = at.status.lock();
    status.up.as_ref()?;
    status.stdin.clone()
}

async fn type_all(at: &At, stdin: &StdinWriter, lines: impl Iterator<Item = &String>) {
    for line in lines.take(MOST_LINES) {
        match stdin.write_line(line.as_bytes()).await {
            Ok(Input::Written) => {}
            _ => {
                let text = format!("{line:?} could not be typed for the backup");
                at.deps.consoles.say(at.server, &text);
            }
        }
    }
}
