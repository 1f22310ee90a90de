//! The first line is the value, the second the rules in one text, each line after it one more rule.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_egg::rules;

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let value = lines.next().unwrap_or_default();
    let one = lines.next().unwrap_or_default();
    let mut list = rules::split(one);
    assert_eq!(list.join("|"), one, "splitting loses nothing");
    list.truncate(20);
    list.extend(lines.take(20).map(str::to_owned));
    let other = |name: &str| (name.len() % 2 == 0).then(|| name.to_owned());
    for verdict in [rules::validate(&list, value), rules::validate_among(&list, value, &other)] {
        if let Err(violation) = verdict {
            assert!(violation.message.starts_with("must ") && list.contains(&violation.rule));
        }
    }
    let _ = rules::unknown(&list);
    let _ = rules::input(&list);
});
