//! One line of JSON per file, for those who look over a whole collection.

use serde_json::{Value, json};

use crate::parse;

/// Reads a file and says how it went: `{path, ok, format, name, odd, refused}`, without a line end.
/// `refused` is null or `{code, field, message}`.
pub fn check(path: &str, bytes: &[u8]) -> String {
    let line: Value = match parse(bytes) {
        Ok((egg, report)) => json!({
            "path": path,
            "ok": true,
            "format": report.format,
            "name": egg.name,
            "odd": report.odd,
            "refused": null,
        }),
        Err(error) => json!({
            "path": path,
            "ok": false,
            "format": null,
            "name": null,
            "odd": [],
            "refused": { "code": error.code, "field": error.field, "message": error.message },
        }),
    };
    line.to_string()
}
