//! Whatever a file of a key holds, it is read without a panic, and what it states is there.
#![no_main]

use ifrs_core::fingerprint::media::{netpbm, npy, pair, read, wav};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for media in [netpbm::COLOUR, netpbm::GREY, npy::MEDIA, wav::MEDIA] {
        if let Some(found) = read(media, data) {
            let size = match found.dtype {
                "<f4" => 4,
                "<i2" => 2,
                _ => 1,
            };
            let numbers: usize = found.shape.iter().product();
            assert_eq!(data.len(), found.offset + numbers * size);
        }
    }
    if let Some(found) = pair::read(data) {
        assert!(netpbm::read(found.image).is_some());
        assert_eq!(data.len(), 16 + found.image.len() + found.text.len());
        assert!(data.ends_with(found.text.as_bytes()));
    }
});
