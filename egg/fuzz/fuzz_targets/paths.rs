//! The first line is what a person typed, the rest the path of a config file: none leads out of the server's files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use warren_egg::{ServerFacts, fill_file, parse};

fn is_below_the_root(path: &str) -> bool {
    let fine = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= 255;
    path.split('/').all(fine) && !path.contains('\0') && path.len() <= 4_096
}

fuzz_target!(|text: &str| {
    let (typed, path) = text.split_once('\n').unwrap_or((text, "{{TYPED}}/${TYPED}"));
    let mut files = serde_json::Map::new();
    files.insert(path.to_owned(), json!({ "parser": "file", "find": { "a": "b" } }));
    let egg = json!({ "meta": { "version": "PTDL_v2" }, "name": "x", "config": { "files": files } });
    match parse(egg.to_string().as_bytes()) {
        Ok((egg, _)) => {
            let facts = ServerFacts {
                variables: vec![("TYPED".into(), typed.into())],
                ..ServerFacts::default()
            };
            for file in &egg.config_files {
                assert!(is_below_the_root(&file.path), "{:?}", file.path);
                if let Ok(filled) = fill_file(file, &facts) {
                    assert!(is_below_the_root(&filled.path), "{:?}", filled.path);
                }
            }
        }
        Err(error) => assert!(matches!(error.code, "path_leaves_root" | "bad_value"), "{error}"),
    }
});
