//! Editing a game's config files as eggs ask for it: comments, order, exact numbers and line ends stay, and only
//! what a key names is changed. What each format does differently from Wings, and why, stands in `docs/eggs.md`.

mod emit;
mod encoding;
mod file;
mod ini;
mod json;
mod layout;
mod lines;
mod node;
mod patches;
mod path;
mod properties;
mod toml;
mod tree;
mod value;
mod xml;
mod xml_read;
mod xml_step;

use crate::limits;
use crate::model::{FindValue, Parser};
use encoding::Encoding;

/// Why a file was left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    #[error("the file is too large to be edited, or has too many lines or values")]
    TooLarge,
    #[error("the file is no text in UTF-8, or in UTF-16 with its mark")]
    NotText,
    #[error("the file is not valid {format}: {message}")]
    Syntax {
        format: &'static str,
        message: String,
    },
    /// A key of the egg that fits neither the file nor the format.
    #[error("{key:?} cannot be set: {message}")]
    Key { key: String, message: String },
    /// What was written did not read back as what was meant.
    #[error("the file uses {format} in a way that cannot be edited safely")]
    Unsafe { format: &'static str },
}

/// Edits a file; an absent one is empty. Keys are set in order. Without a change the bytes come back as they were.
/// # Errors
/// The file is to be left as it is; the error says why and, where one is to blame, names the key.
pub fn apply(
    parser: &Parser,
    original: &[u8],
    finds: &[(String, FindValue)],
) -> Result<Vec<u8>, WriteError> {
    if original.len() > limits::CONFIG_BYTES {
        return Err(WriteError::TooLarge);
    }
    let by_line = matches!(parser, Parser::File | Parser::Properties | Parser::Ini);
    if by_line && lines::count(original) > limits::CONFIG_LINES {
        return Err(WriteError::TooLarge);
    }
    if finds.is_empty() || matches!(parser, Parser::Other(_)) {
        return Ok(original.to_vec());
    }
    let (encoding, plain) = Encoding::read(original)?;
    // No config file holds NUL: this one is binary, or UTF-16 that does not say so.
    if by_line && memchr::memchr(0, &plain).is_some() {
        return Err(WriteError::NotText);
    }
    let edited = match parser {
        Parser::File => file::apply(&plain, finds),
        Parser::Properties => properties::apply(&plain, finds),
        Parser::Ini => ini::apply(&plain, finds)?,
        Parser::Json => text(&plain, |text| tree::apply(tree::Dialect::Json, text, finds))?,
        Parser::Yaml => text(&plain, |text| tree::apply(tree::Dialect::Yaml, text, finds))?,
        Parser::Toml => text(&plain, |text| toml::apply(text, finds))?,
        Parser::Xml => text(&plain, |text| xml::apply(text, finds))?,
        Parser::Other(_) => return Ok(original.to_vec()),
    };
    if edited == *plain {
        return Ok(original.to_vec());
    }
    encoding.write(edited)
}

/// For the formats that are read into a tree.
fn text(
    plain: &[u8],
    edit: impl FnOnce(&str) -> Result<String, WriteError>,
) -> Result<Vec<u8>, WriteError> {
    if plain.len() > limits::CONFIG_TREE_BYTES {
        return Err(WriteError::TooLarge);
    }
    let text = std::str::from_utf8(plain).map_err(|_| WriteError::NotText)?;
    edit(text).map(String::into_bytes)
}
