//! WAV files: RIFF, 16-bit PCM, one channel, and nothing beside.

use std::ops::RangeInclusive;

/// The media type of sounds.
pub const MEDIA: &str = "audio/wav";

/// Samples a second.
pub const RATES: RangeInclusive<u32> = 8_000..=48_000;

/// Bytes before the samples.
pub(crate) const HEADER: usize = 44;

/// Rate and length of a sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Samples a second.
    pub rate: u32,
    /// Samples.
    pub samples: usize,
}

impl Sound {
    /// A sound of half a second to ten; `None` if no key is such a one.
    pub fn of(rate: u32, samples: usize) -> Option<Self> {
        let lengths = rate as usize / 2..=10 * rate as usize;
        (RATES.contains(&rate) && lengths.contains(&samples)).then_some(Self { rate, samples })
    }

    /// Bytes of its samples.
    pub(crate) fn area(self) -> usize {
        2 * self.samples
    }

    /// What stands before its samples.
    pub(crate) fn header(self) -> Vec<u8> {
        let area = self.area() as u32;
        [
            &b"RIFF"[..],
            &(HEADER as u32 - 8 + area).to_le_bytes(),
            b"WAVEfmt ",
            &16_u32.to_le_bytes(),
            // PCM, one channel.
            &[1, 0, 1, 0],
            &self.rate.to_le_bytes(),
            &(2 * self.rate).to_le_bytes(),
            // Bytes and bits of a sample.
            &[2, 0, 16, 0],
            b"data",
            &area.to_le_bytes(),
        ]
        .concat()
    }
}

/// Reads a file of exactly the spelling that keys have.
pub fn read(bytes: &[u8]) -> Option<Sound> {
    let rate = u32::from_le_bytes(*bytes.get(24..)?.first_chunk()?);
    let sound = Sound::of(rate, bytes.len().checked_sub(HEADER)? / 2)?;
    let whole = bytes.strip_prefix(&sound.header()[..])?.len() == sound.area();
    whole.then_some(sound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(sound: Sound) -> Vec<u8> {
        [sound.header(), vec![1; sound.area()]].concat()
    }

    #[test]
    fn any_other_byte_of_the_header_is_refused() {
        let good = file(Sound::of(8_000, 8_000).unwrap());
        assert!(read(&good).is_some());
        for place in 0..HEADER {
            let mut bad = good.clone();
            bad[place] ^= 1;
            assert_eq!(read(&bad), None, "byte {place}");
        }
        assert_eq!(read(&good[..good.len() - 1]), None);
        assert_eq!(read(&[&good[..], b"x"].concat()), None);
        assert_eq!(read(&[&good[..], b"LIST"].concat()), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_header_is_read_back(rate in RATES, tenths in 5_usize..20) {
            let sound = Sound::of(rate, rate as usize * tenths / 10).unwrap();
            prop_assert_eq!(read(&file(sound)), Some(sound));
        }

        #[test]
        fn whatever_stands_there_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            prop_assert_eq!(read(&bytes), None);
        }
    }
}
