//! First byte: the format. Then lines of `key TAB value`, an empty line, and the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_egg::write::{WriteError, apply};
use warren_egg::{FindValue, Literal, Parser};

const FORMATS: &[&str] = &["file", "properties", "ini", "json", "yaml", "xml", "toml"];

fuzz_target!(|bytes: &[u8]| {
    let Some((format, rest)) = bytes.split_first() else { return };
    let parser = Parser::from_name(FORMATS[usize::from(*format) % FORMATS.len()]);
    let cut = rest.windows(2).position(|pair| pair == b"\n\n").unwrap_or(rest.len());
    let head = String::from_utf8_lossy(&rest[..cut]);
    let file = rest.get(cut + 2..).unwrap_or_default();
    let finds: Vec<_> = head
        .lines()
        .take(20)
        .map(|line| {
            let (key, value) = line.split_once('\t').unwrap_or((line, "1"));
            let json = serde_json::from_str(value).ok();
            let value = json.and_then(|value| FindValue::from_json(&value));
            let text = FindValue::Set(Literal::Text(line.into()));
            (key.to_owned(), value.unwrap_or(text))
        })
        .collect();
    assert_eq!(apply(&parser, file, &[]).as_deref(), Ok(file));
    if let Ok(once) = apply(&parser, file, &finds) {
        match apply(&parser, &once, &finds) {
            Ok(_) | Err(WriteError::Key { .. }) => {}
            Err(error) => panic!("what was written can't be read: {error}"),
        }
    }
    // The second start changes nothing.
    if let Some(find @ (key, FindValue::Set(_))) = finds.first()
        && let Ok(once) = apply(&parser, file, std::slice::from_ref(find))
    {
        let again = apply(&parser, &once, std::slice::from_ref(find));
        assert_eq!(again.as_deref(), Ok(&once[..]), "{key:?}");
    }
});
