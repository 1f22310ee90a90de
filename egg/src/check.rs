//! One line of JSON per file, for those who look over a whole collection.

use serde_json::{Value, json};

use crate::parse::{self, headline};

/// Reads a file and says how it went: `{path, ok, format, name, odd, refused}`, without a line end; and whether it is
/// an egg. `refused` is null or `{code, field, why}`; of a refused file `format` and `name` are told if it has them.
pub fn check(path: &str, bytes: &[u8]) -> (String, bool) {
    let read = parse::parse(bytes);
    let ok = read.is_ok();
    let line: Value = match read {
        Ok((egg, report)) => json!({
            "path": path,
            "ok": true,
            "format": report.format,
            "name": egg.name,
            "odd": report.odd,
            "refused": null,
        }),
        Err(error) => {
            let (format, name) = headline(bytes);
            json!({
                "path": path,
                "ok": false,
                "format": format,
                "name": name,
                "odd": [],
                "refused": { "code": error.code, "field": error.field, "why": error.message },
            })
        }
    };
    (line.to_string(), ok)
}

/// The same line for a file that cannot even be read.
pub fn unreadable(path: &str, why: &str) -> String {
    let refused = json!({ "code": "unreadable", "field": "", "why": why });
    json!({ "path": path, "ok": false, "format": null, "name": null, "odd": [], "refused": refused })
        .to_string()
}
