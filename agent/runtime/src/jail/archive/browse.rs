//! A directory of an archive, as if it were one on the disk.

use std::collections::BTreeMap;

use super::read::{Reading, each};
use super::{Format, Head, Tally, What};
use crate::jail::{Budget, Error, Jail, RelPath, Result};

/// Entries of one directory that are held in memory.
const MOST: usize = 20_000;
/// Bytes of a name: no file system has longer ones.
const MAX_NAME: usize = 255;
/// Bytes of where a link leads that are shown.
const MAX_SHOWN: usize = 1024;

/// A page of what stands in one directory of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub format: Format,
    /// By name, directories first; each head's path is its name alone.
    pub entries: Vec<Head>,
    /// Behind the last of these there are more.
    pub more: bool,
    /// In this directory.
    pub total: usize,
    /// In the whole archive.
    pub all: u64,
}

impl Jail {
    /// What stands in the directory `inside` of an archive, behind the entry `after`. Paths that lead out are shown as
    /// what is left of them below.
    /// # Errors
    /// `NotAnArchive`, `Damaged`; `NotFound`, `NotADirectory` of `inside`; what the budget says.
    pub fn archive_folder(
        &self,
        archive: &RelPath,
        inside: &RelPath,
        after: Option<(bool, &str)>,
        limit: usize,
        budget: &mut Budget,
    ) -> Result<Folder> {
        let file = self.open_file(archive)?;
        let tally = Tally::default();
        let reading = Reading {
            path: archive,
            names_only: true,
            tally: &tally,
        };
        let mut found = Found {
            inside,
            children: BTreeMap::new(),
            is_there: inside.is_root(),
            all: 0,
        };
        let format = each(file, &reading, budget, &mut |head, _, _| {
            found.take(head)?;
            Ok(true)
        })?;
        if !found.is_there {
            return Err(Error::NotFound(inside.to_string()));
        }
        let total = found.children.len();
        let after = after.map(|(directory, name)| (!directory, name.to_owned()));
        let mut rest = found.children.into_iter();
        let mut entries = Vec::new();
        let mut more = false;
        for (key, head) in &mut rest {
            if after.as_ref().is_some_and(|after| key <= *after) {
                continue;
            }
            if entries.len() >= limit {
                more = true;
                break;
            }
            entries.push(head);
        }
        Ok(Folder {
            format,
            entries,
            more,
            total,
            all: found.all,
        })
    }
}

struct Found<'a> {
    inside: &'a RelPath,
    /// By whether it is no directory, and name.
    children: BTreeMap<(bool, String), Head>,
    is_there: bool,
    all: u64,
}

impl Found<'_> {
    fn take(&mut self, head: Head) -> Result<()> {
        self.all += 1;
        let parts = head.path.split('/');
        let parts: Vec<&str> = parts.filter(|p| !matches!(*p, "" | "." | "..")).collect();
        let inside: Vec<&str> = match self.inside.as_str() {
            "" => Vec::new(),
            text => text.split('/').collect(),
        };
        let Some(below) = parts.strip_prefix(&*inside) else {
            return Ok(());
        };
        let (name, deeper) = match below {
            [] if head.what == What::Directory || inside.is_empty() => {
                self.is_there = true;
                return Ok(());
            }
            [] => return Err(Error::NotADirectory(self.inside.to_string())),
            [name, rest @ ..] => (*name, !rest.is_empty()),
        };
        self.is_there = true;
        let too_long = name.len() > MAX_NAME;
        let name = cut(name, MAX_NAME).to_owned();
        let directory = deeper || head.what == What::Directory;
        let key = (!directory, name.clone());
        if !self.children.contains_key(&key) && self.children.len() >= MOST {
            return Err(Error::TooMany);
        }
        match deeper {
            // Not every archive names its directories.
            true => {
                self.children.entry(key).or_insert(Head {
                    path: name,
                    what: What::Directory,
                    size_bytes: 0,
                    mode: None,
                    modified: None,
                });
            }
            // Of two of one name the later one is unpacked.
            false => {
                let what = match head.what {
                    _ if too_long => What::Refused("entry whose name is too long"),
                    What::Symlink(to) => What::Symlink(cut(&to, MAX_SHOWN).to_owned()),
                    What::Hardlink(to) => What::Hardlink(cut(&to, MAX_SHOWN).to_owned()),
                    what => what,
                };
                let path = name;
                self.children.insert(key, Head { path, what, ..head });
            }
        }
        Ok(())
    }
}

/// So many bytes of it at most.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
