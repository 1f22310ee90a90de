//! A whole collection looked over: one line of JSON per file. Needs neither database nor configuration.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// How many files were looked at, and how many of them are no eggs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub files: u64,
    pub refused: u64,
}

/// Folders within folders; links to folders are not followed, so only a made-up tree is deeper.
const DEPTH_MOST: usize = 64;

/// Checks each path: a file, `-` for standard input, or a folder for all `.json`, `.yaml` and `.yml` below it, in
/// order of their names, hidden folders left out. A file that cannot be read is a refused one; the others go on.
/// # Errors
/// Only if `out` takes no more.
pub fn check(paths: &[PathBuf], out: &mut impl Write) -> io::Result<Tally> {
    let mut run = Run {
        out,
        tally: Tally::default(),
        buffer: Vec::new(),
    };
    for path in paths {
        if path.as_os_str() == "-" {
            run.read("-", io::stdin().lock())?;
        } else if path.is_dir() {
            run.folder(path, 0)?;
        } else {
            run.file(path)?;
        }
    }
    run.out.flush()?;
    Ok(run.tally)
}

struct Run<'a, W> {
    out: &'a mut W,
    tally: Tally,
    /// Used again for each file.
    buffer: Vec<u8>,
}

impl<W: Write> Run<'_, W> {
    fn folder(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        if depth > DEPTH_MOST {
            return self.unreadable(folder, "the folder is nested too deep");
        }
        let mut names = Vec::new();
        match fs::read_dir(folder) {
            Ok(entries) => {
                for entry in entries {
                    match entry {
                        Ok(entry) => names.push(entry.file_name()),
                        Err(error) => self.unreadable(folder, &error.to_string())?,
                    }
                }
            }
            Err(error) => return self.unreadable(folder, &error.to_string()),
        }
        names.sort();
        for name in names {
            let path = folder.join(&name);
            let hidden = name.as_encoded_bytes().starts_with(b".");
            match fs::symlink_metadata(&path) {
                Ok(entry) if entry.is_dir() && !hidden => self.folder(&path, depth + 1)?,
                Ok(entry) if !entry.is_dir() && is_candidate(&path) => self.file_within(&path)?,
                Err(error) if is_candidate(&path) => self.unreadable(&path, &error.to_string())?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Nobody named this one: what would make a reader wait for ever is not opened.
    fn file_within(&mut self, path: &Path) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(target) if target.is_file() => self.file(path),
            Ok(_) => self.unreadable(path, "this is no regular file"),
            Err(error) => self.unreadable(path, &error.to_string()),
        }
    }

    fn file(&mut self, path: &Path) -> io::Result<()> {
        match File::open(path) {
            Ok(file) => self.read(&path.to_string_lossy(), file),
            Err(error) => self.unreadable(path, &error.to_string()),
        }
    }

    /// One byte more than an egg may have is enough to refuse it.
    fn read(&mut self, path: &str, source: impl Read) -> io::Result<()> {
        let most = warren_egg::limits::EGG_BYTES as u64 + 1;
        self.buffer.clear();
        match source.take(most).read_to_end(&mut self.buffer) {
            Ok(_) => {
                let (line, ok) = warren_egg::check(path, &self.buffer);
                self.line(&line, ok)
            }
            Err(error) => self.unreadable(Path::new(path), &error.to_string()),
        }
    }

    fn unreadable(&mut self, path: &Path, why: &str) -> io::Result<()> {
        let line = warren_egg::unreadable(&path.to_string_lossy(), why);
        self.line(&line, false)
    }

    fn line(&mut self, line: &str, ok: bool) -> io::Result<()> {
        self.tally.files += 1;
        self.tally.refused += u64::from(!ok);
        writeln!(self.out, "{line}")
    }
}

fn is_candidate(path: &Path) -> bool {
    let end = path.extension().and_then(|end| end.to_str());
    end.is_some_and(|end| {
        ["json", "yaml", "yml"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(end))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::Value;

    const EGG: &str = r#"{"meta": {"version": "PTDL_v2"}, "name": "A", "variables": []}"#;

    fn run(paths: &[&Path]) -> (Tally, Vec<Value>) {
        let paths: Vec<_> = paths.iter().map(|path| path.to_path_buf()).collect();
        let mut out = Vec::new();
        let tally = check(&paths, &mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        (tally, lines.collect())
    }

    fn name(line: &Value) -> &str {
        line["path"].as_str().unwrap().rsplit('/').next().unwrap()
    }

    #[test]
    fn a_folder_is_walked_in_order_and_hidden_folders_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("b/.git")).unwrap();
        for file in ["b/egg.yml", "b/.git/x.json", "a.JSON", "c.txt", "d.json"] {
            fs::write(dir.path().join(file), EGG).unwrap();
        }
        std::os::unix::fs::symlink(dir.path(), dir.path().join("b/up")).unwrap();
        let (tally, lines) = run(&[dir.path()]);
        assert_eq!(
            tally,
            Tally {
                files: 3,
                refused: 0
            }
        );
        let names: Vec<_> = lines.iter().map(name).collect();
        assert_eq!(names, ["a.JSON", "egg.yml", "d.json"]);
        assert!(lines.iter().all(|line| line["ok"] == true));
    }

    #[test]
    fn one_file_that_cannot_be_read_keeps_no_other_from_being_checked() {
        let dir = tempfile::tempdir().unwrap();
        let good = dir.path().join("good");
        fs::write(&good, EGG).unwrap();
        fs::write(dir.path().join("cut.json"), &EGG[..40]).unwrap();
        let (tally, lines) = run(&[
            &dir.path().join("none"),
            &dir.path().join("cut.json"),
            &good,
        ]);
        assert_eq!(
            tally,
            Tally {
                files: 3,
                refused: 2
            }
        );
        assert_eq!(lines[0]["refused"]["code"], "unreadable");
        assert_eq!(lines[1]["refused"]["code"], "syntax");
        assert_eq!(
            (&lines[2]["ok"], &lines[2]["name"]),
            (&true.into(), &"A".into())
        );
    }

    #[test]
    fn a_pipe_in_a_folder_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("egg.json");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("link.json")).unwrap();
        let (tally, lines) = run(&[dir.path()]);
        assert_eq!(
            tally,
            Tally {
                files: 2,
                refused: 2
            }
        );
        assert_eq!(lines[0]["refused"]["why"], "this is no regular file");
    }

    #[test]
    fn of_an_endless_file_no_more_is_read_than_an_egg_may_have() {
        let (tally, lines) = run(&[Path::new("/dev/zero")]);
        assert_eq!(tally.refused, 1);
        assert_eq!(lines[0]["refused"]["code"], "too_large");
    }

    #[test]
    fn a_reader_that_goes_away_ends_the_run() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = check(&["nowhere".into()], &mut Gone).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
