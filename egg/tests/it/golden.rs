//! Config files before and after, one pair per quirk: `tests/golden/WRITER/QUIRK.{in,egg.json,out}`. A new pair needs no
//! code. `in` absent: the file does not exist yet. `egg.json` is an entry of an egg's `config.files`, with `env` (the
//! server's variables) and, instead of an `out`, `error` (part of the message: the file is left as it is).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use warren_egg::write::{WriteError, apply};
use warren_egg::{FilledValue, FindValue, NodeFacts, Parser, ServerFacts, fill_file, parse};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Every quirk's path without its ending, and its name as the docs have it.
fn quirks() -> Vec<(PathBuf, String)> {
    let mut quirks = Vec::new();
    for writer in std::fs::read_dir(folder()).unwrap() {
        let writer = writer.unwrap();
        for file in std::fs::read_dir(writer.path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let Some(quirk) = name.strip_suffix(".egg.json") else {
                let of_a_quirk = ["in", "out"].iter().any(|end| {
                    path.extension().is_some_and(|is| is == *end)
                        && path.with_extension("egg.json").exists()
                });
                assert!(of_a_quirk, "{} belongs to no quirk", path.display());
                continue;
            };
            let writer = writer.file_name().into_string().unwrap();
            let name = format!("{writer}/{quirk}");
            quirks.push((path.with_file_name(quirk), name));
        }
    }
    quirks.sort();
    quirks
}

/// The way of an entry from the egg file over control and the wire to the agent.
fn settled(entry: &Value) -> (Parser, Vec<(String, FindValue)>) {
    let egg = json!({
        "meta": { "version": "PTDL_v2" }, "name": "Golden",
        "config": { "files": json!({ "the/file": entry }).to_string() },
    });
    let (egg, _) = parse(egg.to_string().as_bytes()).unwrap();
    let variables = entry["env"].as_object().cloned().unwrap_or_default();
    let facts = ServerFacts {
        ip: "10.0.0.9".into(),
        port: Some(25_565),
        memory_mb: 1024,
        variables: variables
            .into_iter()
            .map(|(name, value)| (name, value.as_str().unwrap().to_owned()))
            .collect(),
        ..ServerFacts::default()
    };
    let node = NodeFacts {
        interface: "172.18.0.1".into(),
    };
    let filled = fill_file(&egg.config_files[0], &facts).unwrap();
    let finds = filled.find.into_iter().map(|(key, value)| {
        let sent = value.to_json().to_string();
        let came = FilledValue::from_json(&serde_json::from_str(&sent).unwrap()).unwrap();
        (key, came.settle(&node))
    });
    (filled.parser, finds.collect())
}

fn judged(path: &Path) -> Result<(), String> {
    let with = |end: &str| PathBuf::from(format!("{}.{end}", path.display()));
    let text = std::fs::read(with("egg.json")).map_err(|error| error.to_string())?;
    let entry: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let before = std::fs::read(with("in")).unwrap_or_default();
    let (parser, finds) = settled(&entry);
    let after = apply(&parser, &before, &finds);
    if let Some(error) = entry["error"].as_str() {
        return match after {
            _ if with("out").exists() => Err("it has both an error and an out".into()),
            Ok(_) => Err("it was written".into()),
            Err(found) if found.to_string().contains(error) => Ok(()),
            Err(found) => Err(format!("another error: {found}")),
        };
    }
    let expected = std::fs::read(with("out")).map_err(|error| format!("out: {error}"))?;
    let after = after.map_err(|error| error.to_string())?;
    if after != expected {
        let shown = |bytes: &[u8]| format!("{:.2000?}", String::from_utf8_lossy(bytes));
        return Err(format!(
            "\n  got {}\n  not {}",
            shown(&after),
            shown(&expected)
        ));
    }
    match apply(&parser, &after, &finds) {
        Ok(again) if again == after => Ok(()),
        Ok(again) => Err(format!(
            "the second start changes it: {:?}",
            String::from_utf8_lossy(&again)
        )),
        // A condition that no longer holds may be followed by nothing; an error never comes by itself.
        Err(error @ WriteError::Key { .. }) => Err(format!("the second start fails: {error}")),
        Err(error) => Err(format!("what was written can't be read: {error}")),
    }
}

#[test]
fn each_quirk_is_written_as_its_golden_file_says() {
    let mut wrong = Vec::new();
    for (path, name) in quirks() {
        if let Err(error) = judged(&path) {
            wrong.push(format!("{name}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_of_the_docs_and_the_golden_files_name_the_same_quirks() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/eggs.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let row = |line: &str| {
        let name = line.strip_prefix("| `")?.split('`').next()?;
        name.contains('/').then(|| name.to_owned())
    };
    let told: Vec<String> = docs.lines().filter_map(row).collect();
    let set: BTreeSet<_> = told.iter().cloned().collect();
    assert_eq!(told.len(), set.len(), "a quirk stands in the table twice");
    let golden: BTreeSet<_> = quirks().into_iter().map(|(_, name)| name).collect();
    let missing: Vec<_> = set.difference(&golden).collect();
    let untold: Vec<_> = golden.difference(&set).collect();
    assert!(
        missing.is_empty(),
        "in docs/eggs.md without a golden file: {missing:?}"
    );
    assert!(
        untold.is_empty(),
        "golden files that docs/eggs.md does not tell of: {untold:?}"
    );
}
