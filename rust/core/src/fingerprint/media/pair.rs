//! Pairs of an image and a text: both parts, each behind its length.
//!
//! `len(image) ‖ image ‖ len(text) ‖ text`: lengths are eight bytes, big end first; the image is a
//! file of [`super::netpbm`], the text UTF-8.

use super::netpbm::{self, Shape};
use crate::fingerprint::seed::length;

/// The media type of pairs.
pub const MEDIA: &str = "application/x-image-text";

/// The longest text, in bytes.
pub const LONGEST_TEXT: usize = 4_096;

/// Bytes of a length.
const LENGTH: usize = 8;

/// The parts of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'p> {
    /// A binary Netpbm file.
    pub image: &'p [u8],
    /// What is asked of it.
    pub text: &'p str,
}

/// A pair's bytes.
pub(crate) fn write(image: &[u8], text: &str) -> Vec<u8> {
    [&length(image)[..], image, &length(text.as_bytes())[..], text.as_bytes()].concat()
}

/// The most bytes of a pair with an image of this shape.
pub(crate) fn most(shape: Shape) -> usize {
    2 * LENGTH + shape.header().len() + shape.area() + LONGEST_TEXT
}

/// Reads a file of exactly the spelling that keys have.
pub fn read(bytes: &[u8]) -> Option<Pair<'_>> {
    let (image, rest) = part(bytes)?;
    let (text, rest) = part(rest)?;
    netpbm::read(image)?;
    let text = std::str::from_utf8(text).ok()?;
    let fits = rest.is_empty() && (1..=LONGEST_TEXT).contains(&text.len());
    fits.then_some(Pair { image, text })
}

/// The first part, and what follows it.
fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk::<LENGTH>()?;
    rest.split_at_checked(usize::try_from(u64::from_be_bytes(*size)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image(height: usize, width: usize) -> Vec<u8> {
        let shape = Shape::of(&[height, width, 3]).unwrap();
        [shape.header().as_bytes(), &vec![7; shape.area()]].concat()
    }

    #[test]
    fn the_encoding_is_the_documented_one() {
        let pair = write(&image(8, 8), "Warum?");
        assert_eq!(pair[..8], [0, 0, 0, 0, 0, 0, 0, 203]);
        assert_eq!(pair[8..19], *b"P6\n8 8\n255\n");
        assert_eq!(pair[211..], *b"\0\0\0\0\0\0\0\x06Warum?");
    }

    #[test]
    fn another_spelling_is_refused() {
        let (image, long) = (image(8, 9), "x".repeat(LONGEST_TEXT + 1));
        assert!(read(&write(&image, &long[1..])).is_some());
        let good = write(&image, "why?");
        let texts = |text: &[u8]| [&length(&image)[..], &image, &length(text)[..], text].concat();
        for bad in [
            write(&image, &long),
            write(&image, ""),
            write(&image[1..], "why?"),
            write(&[], "why?"),
            texts(b"why\xff"),
            [&good[..], b"x"].concat(),
            good[..good.len() - 1].to_vec(),
            good[..8].to_vec(),
            [&[0xff; 8][..], &good[8..]].concat(),
            image.clone(),
            Vec::new(),
        ] {
            assert_eq!(read(&bad), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_pair_is_read_back(height in 8_usize..20, width in 8_usize..20, text in "\\PC{1,60}") {
            let image = image(height, width);
            let bytes = write(&image, &text);
            prop_assert_eq!(read(&bytes), Some(Pair { image: &image, text: &text }));
            let shape = Shape::of(&[height, width, 3]).unwrap();
            prop_assert!(bytes.len() <= most(shape));
        }

        #[test]
        fn whatever_stands_there_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            prop_assert_eq!(read(&bytes), None);
        }

        #[test]
        fn any_other_length_is_refused(place in 0_usize..8, second: bool, change in 1_u8..=255) {
            let image = image(8, 8);
            let mut bytes = write(&image, "why?");
            bytes[place + if second { 8 + image.len() } else { 0 }] ^= change;
            prop_assert_eq!(read(&bytes), None);
        }
    }
}
