//! Files that do not begin with plain UTF-8: a byte order mark stays in its place, and UTF-16, which games of Windows
//! write as soon as a name has an umlaut, is edited as text and written as UTF-16 again.

use std::borrow::Cow;

use super::WriteError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Utf8Marked,
    Utf16Little,
    Utf16Big,
}

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

impl Encoding {
    /// The encoding of a file, and its bytes as UTF-8 without a mark.
    /// # Errors
    /// If a mark promises UTF-16 and the bytes are none.
    pub fn read(file: &[u8]) -> Result<(Self, Cow<'_, [u8]>), WriteError> {
        let unit = |pair: &[u8], little: bool| match *pair {
            [low, high] if little => u16::from_le_bytes([low, high]),
            [high, low] => u16::from_be_bytes([high, low]),
            _ => 0,
        };
        let decode = |rest: &[u8], little: bool| {
            if !rest.len().is_multiple_of(2) {
                return Err(WriteError::NotText);
            }
            let units = rest.chunks_exact(2).map(|pair| unit(pair, little));
            let text: Result<String, _> = char::decode_utf16(units).collect();
            text.map(|text| Cow::Owned(text.into_bytes()))
                .map_err(|_| WriteError::NotText)
        };
        if let Some(rest) = file.strip_prefix(UTF8_MARK) {
            return Ok((Self::Utf8Marked, Cow::Borrowed(rest)));
        }
        match file {
            [0xff, 0xfe, rest @ ..] => Ok((Self::Utf16Little, decode(rest, true)?)),
            [0xfe, 0xff, rest @ ..] => Ok((Self::Utf16Big, decode(rest, false)?)),
            _ => Ok((Self::Plain, Cow::Borrowed(file))),
        }
    }

    /// The edited text in the file's encoding.
    /// # Errors
    /// If a line-by-line edit left bytes that are no text, which UTF-16 could not carry.
    pub fn write(self, edited: Vec<u8>) -> Result<Vec<u8>, WriteError> {
        let units = |bytes: fn(u16) -> [u8; 2]| {
            let text = String::from_utf8(edited.clone()).map_err(|_| WriteError::NotText)?;
            let mark = bytes(0xfeff).into_iter();
            Ok(mark.chain(text.encode_utf16().flat_map(bytes)).collect())
        };
        match self {
            Self::Plain => Ok(edited),
            Self::Utf8Marked => Ok([UTF8_MARK, &edited].concat()),
            Self::Utf16Little => units(u16::to_le_bytes),
            Self::Utf16Big => units(u16::to_be_bytes),
        }
    }
}
