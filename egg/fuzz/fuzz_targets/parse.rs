//! Any file is read or refused, its line says so, and what was read survives export.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use warren_egg::{check, export, parse};

fuzz_target!(|bytes: &[u8]| {
    let (line, ok) = check("x", bytes);
    let line: Value = serde_json::from_str(&line).expect("a line of JSON");
    assert_eq!(line["ok"], ok);
    match parse(bytes) {
        Ok((egg, report)) => {
            assert!(ok && report.odd.iter().all(|odd| !odd.message.is_empty()));
            let text = export(&egg, "2026-01-01T00:00:00Z");
            match parse(text.as_bytes()) {
                Ok((again, _)) => assert_eq!(again, egg),
                // One that is just within the bounds may be just beyond them with its texts escaped.
                Err(error) => assert_eq!(error.code, "too_large", "an export was refused: {error}"),
            }
        }
        Err(error) => {
            assert!(!ok && !error.code.is_empty() && !error.message.is_empty());
            assert!(error.message.len() < 2_000, "a message as long as the file");
        }
    }
});
