//! What is no egg: each file of `tests/broken/` is refused for the reason, and at the field, that `expected.json` names.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use warren_egg::check;

#[test]
fn each_broken_file_is_refused_at_its_field() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let text = std::fs::read(folder.join("expected.json")).unwrap();
    let mut expected: BTreeMap<String, Value> = serde_json::from_slice(&text).unwrap();
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "expected.json" {
            continue;
        }
        let Some(expected) = expected.remove(&name) else {
            wrong.push(format!("{name} is not in expected.json"));
            continue;
        };
        let (line, ok) = check(&name, &std::fs::read(&path).unwrap());
        let line: Value = serde_json::from_str(&line).unwrap();
        let refused = &line["refused"];
        let said = refused["why"].as_str().is_some_and(|why| why.len() > 10);
        let at_its_field = ["code", "field"]
            .iter()
            .all(|part| refused[part] == expected[part]);
        if ok || line["ok"] != false || !said || !at_its_field {
            wrong.push(format!("{name}: expected {expected}, got {line:.400}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        expected.is_empty(),
        "not in the folder: {:?}",
        expected.keys()
    );
}

#[test]
fn a_refused_egg_is_still_called_by_its_name() {
    let egg = br#"{"meta": {"version": "PTDL_v2"}, "name": "Mine", "variables": 5}"#;
    let line: Value = serde_json::from_str(&check("x", egg).0).unwrap();
    assert_eq!(
        (&line["format"], &line["name"]),
        (&"PTDL_v2".into(), &"Mine".into())
    );
    assert_eq!(line["refused"]["why"], "a list expected, found a number");
}
