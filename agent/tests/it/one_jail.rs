//! The jail alone goes below a server's directory: who names that directory hands it on whole.

use std::path::{Path, PathBuf};

/// Where the directory is named, how often, and what each time follows within a few lines.
const NAMED: &[(&str, usize, &[&str])] = &[
    // A worker that sees nothing else; what a switch by rename puts in its place.
    (
        "backup/work.rs",
        2,
        &["worker(&at, &root", "Switch::stage(&to"],
    ),
    ("bulk/begin.rs", 2, &["Jail::open(", "ensure_root("]),
    ("bulk/kept.rs", 1, &["Jail::open("]),
    ("files/archive.rs", 1, &["Jail::open(", "ensure_root("]),
    ("files/mod.rs", 1, &["Jail::open(", "ensure_root("]),
    ("files/sweep.rs", 1, &["Jail::open("]),
    ("files/trash.rs", 2, &["Jail::open("]),
    (
        "server/install.rs",
        3,
        &["Jail::open(", "ensure_root(", "\"/mnt/server\""],
    ),
    // Out of the way as a whole, by agent's own names.
    ("server/remove.rs", 2, &["rename(", "remove_dir_all("]),
    (
        "server/start.rs",
        2,
        &["ensure_root(", "target: \"/home/container\""],
    ),
    ("tasks.rs", 1, &["scan("]),
    ("transfer/source.rs", 1, &["Jail::open("]),
    // Renamed as a whole, and hidden from its worker until then.
    ("transfer/stage.rs", 1, &["trash: settings.trash_dir"]),
];

/// What opens a path without the kernel's word that it stays below a root.
const PLAIN: &[&str] = &[
    "File::open(",
    "File::create(",
    "OpenOptions",
    "fs::read(",
    "fs::write(",
    "fs::read_to_string(",
    "fs::read_dir(",
    "fs::copy(",
    "fs::set_permissions(",
    "chown(",
    "canonicalize(",
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|e| e == "rs") => found.push(path),
            false => {}
        }
    }
}

#[test]
fn nobody_but_the_jail_goes_below_a_servers_directory() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut met = 0;
    for file in files {
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let lines: Vec<_> = code.lines().collect();
        let names = |line: &str| {
            let defines = line.contains("fn files_of(") || line.contains("fn deleted_of(");
            !defines && (line.contains("files_of(") || line.contains("deleted_of("))
        };
        let at: Vec<_> = (0..lines.len()).filter(|n| names(lines[*n])).collect();
        let Some((_, count, ways)) = NAMED.iter().find(|(known, ..)| *known == name) else {
            assert!(
                at.is_empty(),
                "{name} names a server's directory: go through the jail"
            );
            continue;
        };
        met += 1;
        assert_eq!(
            at.len(),
            *count,
            "{name}: go through the jail, and say so here"
        );
        for n in at {
            let after = lines[n.saturating_sub(2)..(n + 12).min(lines.len())].join("\n");
            assert!(
                ways.iter().any(|way| after.contains(way)),
                "{name}:{}",
                n + 1
            );
            let plain = PLAIN.iter().find(|plain| after.contains(**plain));
            assert!(plain.is_none(), "{name}:{}: {plain:?}", n + 1);
        }
    }
    assert_eq!(met, NAMED.len(), "a file of the table is gone");
}

#[test]
fn the_directory_of_all_servers_is_named_by_those_who_must() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut who: Vec<_> = files
        .iter()
        .filter(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            code.contains("servers_dir") || code.contains("deleted_dir")
        })
        .map(|file| {
            file.strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    who.sort();
    // How much room is on its disk; that it is there; what it is called.
    let known = [
        "files/room.rs",
        "node.rs",
        "server/deps.rs",
        "server/tests.rs",
    ];
    assert_eq!(who, known);
}
