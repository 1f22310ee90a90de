//! The first line is the value, each line after it a rule.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_egg::rules;

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let value = lines.next().unwrap_or_default();
    let list: Vec<String> = lines.take(20).map(str::to_owned).collect();
    if let Err(violation) = rules::validate(&list, value) {
        assert!(violation.message.starts_with("must "));
    }
    let _ = rules::unknown(&list);
    let _ = rules::input(&list);
});
