//! The first line is a marker, the rest console bytes: where chunks end makes no difference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_egg::{DoneMarker, DoneMatcher};

fuzz_target!(|bytes: &[u8]| {
    let cut = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let markers = [DoneMarker::from_text(&String::from_utf8_lossy(&bytes[..cut]))];
    let console = bytes.get(cut + 1..).unwrap_or_default();
    let mut whole = DoneMatcher::new(&markers);
    let mut parts = DoneMatcher::new(&markers);
    for chunk in console.chunks(3) {
        parts.push(chunk);
    }
    assert_eq!(whole.push(console), parts.is_done());
});
