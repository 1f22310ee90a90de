//! How SSH writes things down (RFC 4251, 5), and SFTP with it.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// What was read is not what its form says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed message")]
pub struct Malformed;

/// Reads from the front, and never beyond the end.
#[derive(Debug, Clone)]
pub struct Reader(pub Bytes);

impl Reader {
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.0.try_get_u8().map_err(|_| Malformed)
    }

    pub fn bool(&mut self) -> Result<bool, Malformed> {
        self.u8().map(|byte| byte != 0)
    }

    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.0.try_get_u32().map_err(|_| Malformed)
    }

    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.0.try_get_u64().map_err(|_| Malformed)
    }

    pub fn bytes(&mut self) -> Result<Bytes, Malformed> {
        let length = self.u32()? as usize;
        if self.0.len() < length {
            return Err(Malformed);
        }
        Ok(self.0.split_to(length))
    }

    pub fn text(&mut self) -> Result<String, Malformed> {
        let bytes = self.bytes()?;
        std::str::from_utf8(&bytes)
            .map(str::to_owned)
            .map_err(|_| Malformed)
    }

    pub fn skip(&mut self, length: usize) -> Result<(), Malformed> {
        if self.0.len() < length {
            return Err(Malformed);
        }
        self.0.advance(length);
        Ok(())
    }

    /// Passes if nothing is left.
    pub fn end(&self) -> Result<(), Malformed> {
        self.0.is_empty().then_some(()).ok_or(Malformed)
    }
}

/// Writes to the end.
pub trait Put: BufMut {
    fn string(&mut self, bytes: &[u8]) {
        self.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.put_slice(bytes);
    }

    /// A number that is not negative, big end first.
    fn mpint(&mut self, number: &[u8]) {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let number = number.get(zeros..).unwrap_or_default();
        let sign = usize::from(number.first().is_some_and(|byte| byte & 0x80 != 0));
        self.put_u32(u32::try_from(number.len() + sign).unwrap_or(u32::MAX));
        self.put_bytes(0, sign);
        self.put_slice(number);
    }
}

impl Put for BytesMut {}
impl Put for Vec<u8> {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_are_written_as_rfc_4251_shows_them() {
        let written = |number: &[u8]| {
            let mut all = Vec::new();
            all.mpint(number);
            all
        };
        assert_eq!(written(&[0, 0]), [0, 0, 0, 0]);
        assert_eq!(written(&[0, 0x80]), [0, 0, 0, 2, 0, 0x80]);
        let long = [0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7];
        assert_eq!(written(&long)[..4], [0, 0, 0, 8]);
    }

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let mut reader = Reader(Bytes::from_static(&[0, 0, 0, 9, b'x']));
        assert_eq!(reader.bytes(), Err(Malformed));
        let mut reader = Reader(Bytes::from_static(&[0xff, 0xff, 0xff, 0xff]));
        assert_eq!(reader.text(), Err(Malformed));
        assert_eq!(Reader(Bytes::from_static(&[1, 2])).u32(), Err(Malformed));
    }
}
