//! Searching by name and by content, within bounds, in one walk.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::AsFd as _;

use globset::{GlobBuilder, GlobMatcher};
use regex::bytes::{Regex, RegexBuilder};
use rustix::fs::{Mode, OFlags};

use super::walk::{Found, Walk};
use super::{Budget, Error, Jail, Kind, RelPath, Result, explain, open_dir_at};

/// Bytes of an expression, and of the machine that is made of it.
const MAX_PATTERN: usize = 1000;
const MAX_MACHINE: usize = 1 << 20;
/// Bytes of a file that are held at one time; a line that is longer is searched in pieces.
const BUFFER: usize = 256 * 1024;
/// Bytes of a line that are shown around a match.
const SHOWN: usize = 200;
/// A file with a zero byte among its first is no text.
const SNIFFED: usize = 8 * 1024;
/// Matches shown of one file.
const PER_FILE: usize = 50;

/// What is looked for. Both given: files whose name and content fit.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// A part of the name, or all of it with `*`, `?` and the like. Empty: any.
    pub name: String,
    /// In a line of a file. Empty: names alone are looked at.
    pub content: String,
    /// `content` is a regular expression.
    pub regex: bool,
    pub case_sensitive: bool,
    /// Matches at most.
    pub matches: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Below the root.
    pub path: String,
    pub kind: Kind,
    pub size_bytes: u64,
    /// From 1 on, where content was looked for.
    pub line: Option<u64>,
    /// The line, or what is around the match in it.
    pub text: String,
}

/// Why there may be more than was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    Matches,
    Entries,
    Bytes,
    Time,
    Depth,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matches {
    pub matches: Vec<Match>,
    pub files: u64,
    pub bytes: u64,
    /// Files that are no text, or could not be read.
    pub skipped: u64,
    pub cut: Option<Cut>,
}

enum Name {
    Any,
    Part(String),
    Glob(GlobMatcher),
}

struct Searching<'a> {
    jail: &'a Jail,
    name: Name,
    content: Option<Regex>,
    case_sensitive: bool,
    most: usize,
    budget: &'a mut Budget,
    found: Matches,
    /// As it was asked for, and as it really is.
    top: (&'a RelPath, RelPath),
}

impl Jail {
    /// Looks below a directory. What is kept back is neither read nor entered. The budget's bytes are those that are read.
    /// # Errors
    /// `Unknown` for an expression that is none; what is cut short is no error.
    pub fn search(&self, path: &RelPath, looked: &Looked, budget: &mut Budget) -> Result<Matches> {
        let mut searching = Searching {
            jail: self,
            name: name(looked)?,
            content: content(looked)?,
            case_sensitive: looked.case_sensitive,
            most: looked.matches,
            budget,
            found: Matches::default(),
            top: (path, RelPath::root()),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let top = self.open_beneath(path, flags, Mode::empty())?;
        searching.top.1 = self.real(&top, None, path)?;
        let top = open_dir_at(top.as_fd(), b".").map_err(explain(path.as_str()))?;
        match searching.tree(Walk::of(top, path.as_str())?) {
            Ok(()) => {}
            Err(Error::TooMany) => searching.found.cut = Some(Cut::Entries),
            Err(Error::Quota) => searching.found.cut = Some(Cut::Bytes),
            Err(Error::TookTooLong) => searching.found.cut = Some(Cut::Time),
            Err(e) => return Err(e),
        }
        let mut found = searching.found;
        found
            .matches
            .sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        Ok(found)
    }
}

fn name(looked: &Looked) -> Result<Name> {
    let bad = || Error::Unknown(looked.name.chars().take(100).collect());
    if looked.name.len() > MAX_PATTERN {
        return Err(bad());
    }
    if looked.name.is_empty() {
        return Ok(Name::Any);
    }
    if !looked.name.contains(['*', '?', '[', '{']) {
        return Ok(Name::Part(match looked.case_sensitive {
            true => looked.name.clone(),
            false => looked.name.to_lowercase(),
        }));
    }
    let glob = GlobBuilder::new(&looked.name)
        .case_insensitive(!looked.case_sensitive)
        .literal_separator(true)
        .build();
    Ok(Name::Glob(glob.map_err(|_| bad())?.compile_matcher()))
}

fn content(looked: &Looked) -> Result<Option<Regex>> {
    if looked.content.is_empty() {
        return Ok(None);
    }
    let bad = || Error::Unknown(looked.content.chars().take(100).collect());
    if looked.content.len() > MAX_PATTERN {
        return Err(bad());
    }
    let text = match looked.regex {
        true => looked.content.clone(),
        false => regex::escape(&looked.content),
    };
    // Linear in the text, whatever the expression: that is what this engine is for.
    let built = RegexBuilder::new(&text)
        .case_insensitive(!looked.case_sensitive)
        .size_limit(MAX_MACHINE)
        .dfa_size_limit(MAX_MACHINE)
        .build();
    built.map(Some).map_err(|_| bad())
}

impl Searching<'_> {
    fn tree(&mut self, mut walk: Walk) -> Result<()> {
        while let Some(found) = walk.next()? {
            self.budget.entry()?;
            let (top, real) = &self.top;
            let below = found.path.strip_prefix(top.as_str()).unwrap_or(&found.path);
            if self
                .jail
                .holds_back(top, real, below.trim_start_matches('/'))
            {
                continue;
            }
            if self.fits(&found) {
                self.look(&walk, &found)?;
            }
            if self.found.matches.len() >= self.most {
                self.found.matches.truncate(self.most);
                self.found.cut = Some(Cut::Matches);
                return Ok(());
            }
            if found.kind == Kind::Directory {
                match walk.enter(&found) {
                    Ok(_) => {}
                    Err(Error::TooDeep(_)) => self.found.cut = Some(Cut::Depth),
                    // One directory that can't be read does not end it.
                    Err(_) => self.found.skipped += 1,
                }
            }
        }
        Ok(())
    }

    fn fits(&self, found: &Found) -> bool {
        let name = String::from_utf8_lossy(&found.name);
        match &self.name {
            Name::Any => true,
            Name::Part(part) if self.case_sensitive => name.contains(&**part),
            Name::Part(part) => name.to_lowercase().contains(&**part),
            Name::Glob(glob) => glob.is_match(&*name),
        }
    }

    fn look(&mut self, walk: &Walk, found: &Found) -> Result<()> {
        if self.content.is_none() {
            self.found.matches.push(matched(found, None, String::new()));
            return Ok(());
        }
        let Some(here) = walk.here().filter(|_| found.kind == Kind::File) else {
            return Ok(());
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(file) = rustix::fs::openat(here, &*found.name, flags, Mode::empty()) else {
            self.found.skipped += 1;
            return Ok(());
        };
        match rustix::fs::fstat(&file) {
            Ok(stat) if super::kind(&stat) == Kind::File => self.lines(File::from(file), found),
            _ => Ok(()),
        }
    }

    fn lines(&mut self, mut file: File, found: &Found) -> Result<()> {
        self.found.files += 1;
        let mut buffer = vec![0; BUFFER];
        let (mut filled, mut line, mut shown, mut first) = (0, 1, 0, true);
        loop {
            let read = match file.read(&mut buffer[filled..]) {
                Ok(read) => read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => {
                    self.found.skipped += 1;
                    return Ok(());
                }
            };
            self.budget.spend(read as u64)?;
            self.found.bytes += read as u64;
            filled += read;
            if first && buffer[..filled.min(SNIFFED)].contains(&0) {
                self.found.skipped += 1;
                return Ok(());
            }
            first = false;
            let whole = buffer[..filled].iter().rposition(|b| *b == b'\n');
            let end = match whole {
                Some(at) => at + 1,
                None if read == 0 || filled == buffer.len() => filled,
                None => continue,
            };
            for text in buffer[..end].split_inclusive(|b| *b == b'\n') {
                let bare = text.strip_suffix(b"\n").unwrap_or(text);
                let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
                let hit = self.content.as_ref().and_then(|regex| regex.find(bare));
                if let Some(hit) = hit {
                    let text = around(bare, hit.start());
                    self.found.matches.push(matched(found, Some(line), text));
                    shown += 1;
                    if shown == PER_FILE || self.found.matches.len() >= self.most {
                        return Ok(());
                    }
                }
                line += u64::from(text.ends_with(b"\n"));
            }
            if read == 0 {
                return Ok(());
            }
            buffer.copy_within(end..filled, 0);
            filled -= end;
        }
    }
}

fn matched(found: &Found, line: Option<u64>, text: String) -> Match {
    Match {
        path: found.path.clone(),
        kind: found.kind,
        size_bytes: u64::try_from(found.stat.st_size).unwrap_or(0),
        line,
        text,
    }
}

/// What stands around a place of a line.
fn around(line: &[u8], at: usize) -> String {
    let from = match line.len() > SHOWN {
        true => at.saturating_sub(SHOWN / 4),
        false => 0,
    };
    let to = (from + SHOWN).min(line.len());
    String::from_utf8_lossy(&line[from..to]).into_owned()
}
