//! Makes a picture out of whatever somebody sends: small, square, and nothing in it but pixels.

use std::{io::Cursor, sync::LazyLock, time::Duration};

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::webp::WebPEncoder,
    imageops::FilterType,
};
use tokio::{sync::Semaphore, time::timeout};

use crate::error::{Error, Result};

/// Bytes of what is sent.
pub const MOST_BYTES: usize = 2 * 1024 * 1024;
/// Pixels of a side, sent.
const MOST_SIDE: u32 = 8192;
/// Memory that one picture may take while it is read.
const MOST_MEMORY: u64 = 256 * 1024 * 1024;
/// Pixels of a side, kept.
const SIDE: u32 = 256;
/// One at a time: unpacking takes memory.
static TURN: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(1));
/// Whoever waits longer is told to come again.
const WAIT: Duration = Duration::from_secs(10);

fn bad(why: &str) -> Error {
    Error::refused(422, "bad_image", why)
}

/// WebP of 256 by 256 pixels, cut around the middle. What else stood in the file (where it was taken, by which phone) is left
/// behind.
/// # Errors
/// 422 `bad_image` for what is no PNG, JPEG or WebP or has too many pixels; 429 when many come at once.
pub async fn square(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let turn = timeout(WAIT, TURN.acquire()).await;
    let Ok(Ok(_turn)) = turn else {
        return Err(Error::TooMany {
            code: "busy",
            detail: "many pictures are being read at this moment; try again".into(),
            retry_after_s: 5,
        });
    };
    let work = tokio::task::spawn_blocking(move || make(&bytes));
    work.await.map_err(Error::internal)?
}

fn make(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(Error::internal)?;
    let known = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP];
    if !reader
        .format()
        .is_some_and(|format| known.contains(&format))
    {
        return Err(bad("a picture is a PNG, JPEG or WebP file"));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_SIDE);
    limits.max_image_height = Some(MOST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let unreadable = |_| bad("this picture can't be read, or has more than 8192 pixels to a side");
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    let turned = decoder.orientation().map_err(unreadable)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    picture.apply_orientation(turned);
    let small = picture
        .resize_to_fill(SIDE, SIDE, FilterType::CatmullRom)
        .into_rgba8();
    let mut out = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut out);
    encoder
        .encode(&small, SIDE, SIDE, image::ExtendedColorType::Rgba8)
        .map_err(Error::internal)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut out = Vec::new();
        DynamicImage::new_rgb8(width, height)
            .write_to(&mut Cursor::new(&mut out), ImageFormat::Png)
            .unwrap();
        out
    }

    #[test]
    fn any_picture_becomes_a_small_square() {
        for (width, height) in [(1, 1), (640, 480), (100, 900)] {
            let made = make(&png(width, height)).unwrap();
            let read = image::load_from_memory_with_format(&made, ImageFormat::WebP).unwrap();
            assert_eq!((read.width(), read.height()), (SIDE, SIDE));
        }
    }

    #[test]
    fn what_is_no_picture_or_far_too_large_is_refused() {
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec();
        let mut cut = png(64, 64);
        cut.truncate(60);
        for bytes in [
            Vec::new(),
            svg,
            b"GIF89a\x01\x00\x01\x00".to_vec(),
            cut,
            png(MOST_SIDE + 1, 1),
        ] {
            assert!(make(&bytes).is_err(), "{} bytes", bytes.len());
        }
    }
}
