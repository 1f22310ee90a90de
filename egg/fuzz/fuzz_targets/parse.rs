//! Any file is read or refused, and what was read survives export.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_egg::{export, parse};

fuzz_target!(|bytes: &[u8]| {
    if let Ok((egg, report)) = parse(bytes) {
        assert!(report.odd.iter().all(|odd| !odd.message.is_empty()));
        let text = export(&egg, "2026-01-01T00:00:00Z");
        match parse(text.as_bytes()) {
            Ok((again, _)) => assert_eq!(again, egg),
            Err(error) => panic!("an export was refused: {error}"),
        }
    }
});
