//! Sounds: a row of chords of two steady tones, computed in integers alone.

use crate::fingerprint::media::wav::Sound;
use crate::fingerprint::stream::Stream;

/// The scale in hertz, 200 to 3,400 in steps of one ratio: within what a telephone passes on, and
/// further apart than tapes and resamplers go wrong.
const SCALE: [u64; 32] = [
    200, 219, 240, 263, 288, 316, 346, 379, 416, 455, 499, 547, 599, 656, 719, 787, 863, 946, 1036,
    1135, 1244, 1363, 1493, 1636, 1793, 1964, 2152, 2358, 2584, 2831, 3103, 3400,
];

/// Chords in a key: 10 bits each.
const CHORDS: usize = 16;

/// The loudest that one tone is; two stay well below what a sample holds.
const LOUDNESS: i64 = 12_000;

/// Parts of a second in which a chord swells and fades, so that nothing clicks.
const FADES: u32 = 200;

/// Draws one key: a WAV file.
pub(super) fn draw(stream: &mut Stream<'_>, sound: Sound) -> Vec<u8> {
    let fade = i64::from(sound.rate / FADES);
    let mut file = sound.header();
    file.reserve_exact(sound.area());
    for chord in 0..CHORDS {
        let start = |chord: usize| chord * sound.samples / CHORDS;
        let length = start(chord + 1) - start(chord);
        let tones = [0; 2].map(|_| SCALE[stream.below(SCALE.len() as u64) as usize]);
        // Turns of a sample, in parts of 2³².
        let turns = tones.map(|tone| (tone << 32) / u64::from(sound.rate));
        for place in 0..length {
            let both: i64 = turns.iter().map(|turn| wave((turn * place as u64) as u32)).sum();
            let gain = fade.min(place as i64).min((length - 1 - place) as i64);
            let sample = both * gain / fade;
            file.extend((sample as i16).to_le_bytes());
        }
    }
    file
}

/// A sine by Bhaskara's formula, `16x(1 − x) / (5 − 4x(1 − x))` for half a turn: off by 0.2 % at
/// most, and the same on every machine.
fn wave(phase: u32) -> i64 {
    const HALF: i64 = 1 << 15;
    let x = i64::from(phase >> 16) % HALF;
    let product = x * (HALF - x);
    let found = LOUDNESS * 16 * product / (5 * HALF * HALF - 4 * product);
    if phase < 1 << 31 { found } else { -found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::media::wav::{self, HEADER};
    use crate::fingerprint::seed::SetKey;

    fn drawn(rate: u32, samples: usize, seed: u8) -> Vec<u8> {
        let key = SetKey::from_bytes(&mut [seed; 32]);
        draw(&mut Stream::new(&key, &[b"key"]), Sound::of(rate, samples).unwrap())
    }

    #[test]
    fn the_scale_has_one_ratio() {
        for (place, &tone) in SCALE.iter().enumerate() {
            let expected = 200.0 * 17_f64.powf(place as f64 / 31.0);
            assert!((tone as f64 - expected).abs() <= 0.5, "{tone} for {expected}");
        }
    }

    #[test]
    fn the_wave_is_a_sine() {
        for phase in (0..1 << 16).map(|part: u32| part << 16) {
            let turn = f64::from(phase) / 2_f64.powi(32);
            let expected = LOUDNESS as f64 * (turn * std::f64::consts::TAU).sin();
            assert!((wave(phase) as f64 - expected).abs() < 0.002 * LOUDNESS as f64);
        }
    }

    /// The strength of a tone in some samples, by its sum with a turning arrow.
    fn strength(samples: &[f64], tone: f64, rate: f64) -> f64 {
        let turn = |place: usize| std::f64::consts::TAU * tone * place as f64 / rate;
        let sum = |of: fn(f64) -> f64| -> f64 {
            samples.iter().enumerate().map(|(place, sample)| sample * of(turn(place))).sum()
        };
        sum(f64::sin).hypot(sum(f64::cos))
    }

    #[test]
    fn every_chord_is_of_the_tones_that_were_drawn() {
        let (rate, samples) = (16_000, 32_000);
        let file = drawn(rate, samples, 5);
        assert_eq!(wav::read(&file), Sound::of(rate, samples));
        let heard: Vec<f64> = file[HEADER..]
            .chunks_exact(2)
            .map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])))
            .collect();
        assert!(heard.iter().all(|sample| sample.abs() <= 24_000.0));
        let key = SetKey::from_bytes(&mut [5; 32]);
        let mut stream = Stream::new(&key, &[b"key"]);
        for chord in heard.chunks(samples / CHORDS) {
            let tones = [0; 2].map(|_| SCALE[stream.below(32) as usize]);
            let least = tones.map(|tone| strength(chord, tone as f64, rate.into()));
            let apart = |tone: &&u64| !tones.iter().any(|one| one.abs_diff(**tone) < 60);
            for tone in SCALE.iter().filter(apart) {
                let other = strength(chord, *tone as f64, rate.into());
                assert!(other < 0.5 * least[0].min(least[1]), "{tone} in {tones:?}");
            }
        }
    }

    #[test]
    fn any_rate_and_length_will_do() {
        for (rate, samples) in [(8_000, 4_000), (11_025, 12_345), (48_000, 480_000)] {
            assert_eq!(wav::read(&drawn(rate, samples, 1)), Sound::of(rate, samples));
        }
        assert_eq!(Sound::of(16_000, 7_999), None);
        assert_eq!(Sound::of(7_999, 8_000), None);
    }
}
