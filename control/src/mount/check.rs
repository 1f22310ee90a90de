//! What an admin may type of a mount.

use warren_proto::mount::{self, BadPath};

use crate::error::Fields;

fn path(
    fields: &mut Fields,
    field: &str,
    text: &str,
    rule: fn(&str) -> Result<(), BadPath>,
) -> String {
    let text = text.trim();
    if text.is_empty() {
        fields.refuse(field, "required", "must not be empty");
    } else if let Err(bad) = rule(text) {
        fields.refuse(field, bad.code(), bad.to_string());
    }
    text.to_owned()
}

/// A directory of a node. Whether it is there and allowed is the node's to say.
pub fn source(fields: &mut Fields, text: &str) -> String {
    path(fields, "source", text, mount::source)
}

/// A place in a container.
pub fn target(fields: &mut Fields, text: &str) -> String {
    path(fields, "target", text, mount::target)
}
