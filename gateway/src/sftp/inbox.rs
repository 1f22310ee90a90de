//! What came from a client, cut into questions.

use bytes::{Buf, Bytes, BytesMut};

use super::packet::MAX_PACKET;
use crate::ssh::wire::Malformed;

/// Longer questions than this are none.
pub const MAX_QUESTION: usize = MAX_PACKET + 1024;

/// See the module. Bytes that came and belong to no whole question yet are at most what the client's window lets in.
#[derive(Debug, Default)]
pub struct Inbox(BytesMut);

impl Inbox {
    pub fn take(&mut self, data: &[u8]) {
        self.0.extend_from_slice(data);
    }

    fn front(&self) -> Option<usize> {
        let front = self.0.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*front) as usize)
    }

    /// Another question has come whole, or what comes is none.
    pub fn has_more(&self) -> bool {
        self.front()
            .is_some_and(|length| length > MAX_QUESTION || self.0.len() - 4 >= length)
    }

    /// The next question without its length, if all of it has come.
    /// # Errors
    /// It is too long for one, or empty: nothing that follows can be made out.
    pub fn question(&mut self) -> Result<Option<Bytes>, Malformed> {
        let Some(length) = self.front() else {
            return Ok(None);
        };
        if !(1..=MAX_QUESTION).contains(&length) {
            return Err(Malformed);
        }
        if self.0.len() - 4 < length {
            return Ok(None);
        }
        self.0.advance(4);
        Ok(Some(self.0.split_to(length).freeze()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sftp::packet::{self, Ask};
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// All that can be made out of bytes that come in pieces of so many.
    fn questions(bytes: &[u8], pieces: &[usize]) -> (Vec<Bytes>, bool) {
        let (mut inbox, mut all, mut rest) = (Inbox::default(), Vec::new(), bytes);
        let mut pieces = pieces.iter().cycle();
        while !rest.is_empty() {
            let piece = pieces.next().map_or(1, |n| (*n).clamp(1, rest.len()));
            inbox.take(&rest[..piece]);
            rest = &rest[piece..];
            loop {
                match inbox.question() {
                    Ok(Some(question)) => all.push(question),
                    Ok(None) => break,
                    Err(Malformed) => return (all, false),
                }
            }
        }
        (all, true)
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&length[..], body].concat()
    }

    #[test]
    fn a_question_that_claims_too_much_is_refused_before_it_has_come() {
        for length in [0, MAX_QUESTION + 1, 0x7fff_ffff, 0xffff_ffff] {
            let mut inbox = Inbox::default();
            inbox.take(&u32::try_from(length).unwrap().to_be_bytes());
            assert_eq!(inbox.question(), Err(Malformed), "{length}");
        }
        let mut inbox = Inbox::default();
        inbox.take(&u32::try_from(MAX_QUESTION).unwrap().to_be_bytes());
        assert_eq!(inbox.question(), Ok(None));
        assert!(!inbox.has_more());
    }

    #[test]
    fn ten_thousand_questions_in_one_breath_are_ten_thousand() {
        let one = framed(&[4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9]);
        let (all, fine) = questions(&one.repeat(10_000), &[usize::MAX]);
        assert!(fine && all.len() == 10_000);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            bodies in vec(vec(any::<u8>(), 1..60), 0..20),
            pieces in vec(1_usize..50, 1..8),
        ) {
            let bytes: Vec<u8> = bodies.iter().flat_map(|body| framed(body)).collect();
            let (all, fine) = questions(&bytes, &pieces);
            prop_assert!(fine);
            prop_assert_eq!(all, bodies);
        }

        #[test]
        fn whatever_comes_is_read_or_refused_and_holds_no_more_than_came(
            kind in prop_oneof![3_u8..=20, Just(200), any::<u8>()],
            rest in vec(any::<u8>(), 0..200),
            // Lengths are where readers fall: half of the bytes are made to look like some.
            lengths in vec((0_usize..200, prop_oneof![Just(0_u32), 0_u32..64, Just(u32::MAX), Just(0x8000_0000)]), 0..6),
        ) {
            let mut body = [&[kind][..], &rest].concat();
            for (at, length) in lengths {
                if let Some(place) = body.get_mut(at..at + 4) {
                    place.copy_from_slice(&length.to_be_bytes());
                }
            }
            let came = body.len();
            match packet::read(body.into()) {
                Err(Malformed) => prop_assert!(came < 5),
                Ok((_, Ok(Ask::Write { data, handle, .. }))) => prop_assert!(data.len() + handle.len() < came),
                Ok((_, Ok(Ask::Rename { from, to, .. }))) => prop_assert!(from.len() + to.len() < came),
                Ok((_, Ok(Ask::Open { path, .. }))) => prop_assert!(path.len() < came),
                Ok(_) => {}
            }
        }

        #[test]
        fn names_that_are_no_text_are_refused_under_their_id(
            kind in prop_oneof![Just(3_u8), Just(7), Just(11), Just(13), Just(16), Just(17), Just(19)],
            id in any::<u32>(),
            name in vec(any::<u8>(), 0..40).prop_filter("is text", |n| std::str::from_utf8(n).is_err()),
        ) {
            let mut body = vec![kind];
            body.extend_from_slice(&id.to_be_bytes());
            body.extend_from_slice(&framed(&name));
            body.extend_from_slice(&[0; 8]);
            prop_assert_eq!(packet::read(body.into()), Ok((id, Err(Malformed))));
        }
    }
}
