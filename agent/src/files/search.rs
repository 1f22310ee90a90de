//! Searching files.

use warren_proto::wire;
use warren_runtime::jail::{Cut, Error, Looked, Match};

use super::list::kind_name;
use super::{Answer, Files, path};

/// Matches of one answer: with all that is shown of each they fit into one message.
const MAX_MATCHES: usize = 500;
/// Bytes of one answer's paths and lines.
const MAX_ANSWER: usize = 512 * 1024;
/// Bytes that one search reads.
const MAX_READ: u64 = 512 << 20;

impl Files<'_> {
    pub(super) fn search(&self, ask: &wire::FileSearch) -> Result<Answer, Error> {
        let looked = Looked {
            name: ask.name.clone(),
            content: ask.content.clone(),
            regex: ask.regex,
            case_sensitive: ask.case_sensitive,
            matches: match ask.limit as usize {
                0 => MAX_MATCHES,
                n => n.min(MAX_MATCHES),
            },
        };
        let mut budget = self.budget().bytes(MAX_READ);
        let found = self.jail.search(&path(&ask.path)?, &looked, &mut budget)?;
        let mut cut = found.cut;
        let mut size = 0;
        let mut matches = Vec::new();
        for one in found.matches {
            size += one.path.len() + one.text.len();
            if size > MAX_ANSWER {
                cut = Some(Cut::Matches);
                break;
            }
            matches.push(shown(one));
        }
        let cut = match cut {
            None => "",
            Some(Cut::Matches) => "matches",
            Some(Cut::Entries) => "entries",
            Some(Cut::Bytes) => "bytes",
            Some(Cut::Time) => "time",
            Some(Cut::Depth) => "depth",
        };
        Ok(Answer::Matches(wire::FileMatches {
            matches,
            files: found.files,
            bytes: found.bytes,
            skipped: found.skipped,
            cut: cut.into(),
        }))
    }
}

fn shown(one: Match) -> wire::FileMatch {
    wire::FileMatch {
        path: one.path,
        kind: kind_name(one.kind).into(),
        size_bytes: one.size_bytes,
        line: one.line.unwrap_or(0),
        text: one.text,
    }
}
