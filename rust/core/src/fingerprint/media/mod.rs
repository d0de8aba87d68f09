//! Files that keys of other kinds than text are: each describes itself, and any viewer opens it.
//!
//! Each is written in one way only, and a reader takes no other spelling: one thing is never two
//! keys.

pub mod netpbm;
pub mod npy;
pub mod pair;
pub mod wav;

/// What a key's file holds, as an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The type of its entries, as NumPy spells it.
    pub dtype: &'static str,
    /// Its shape, slowest axis first.
    pub shape: Vec<usize>,
    /// Where in the file it begins.
    pub offset: usize,
}

/// Reads a key that is one array; `None` if it is no such file, or spelt otherwise.
pub fn read(media: &str, bytes: &[u8]) -> Option<Contents> {
    match media {
        netpbm::COLOUR | netpbm::GREY => {
            let found = netpbm::read(bytes)?;
            (netpbm::media(found.channels) == media).then(|| Contents {
                dtype: "|u1",
                offset: bytes.len() - found.area(),
                shape: vec![found.height, found.width, found.channels],
            })
        }
        npy::MEDIA => npy::read(bytes).map(|found| Contents {
            dtype: found.dtype,
            offset: bytes.len() - found.area(),
            shape: found.shape,
        }),
        wav::MEDIA => wav::read(bytes).map(|found| Contents {
            dtype: "<i2",
            offset: wav::HEADER,
            shape: vec![found.samples],
        }),
        _ => None,
    }
}

/// Whether keys of a medium are files of this module.
pub(crate) fn is_known(media: &str) -> bool {
    [netpbm::COLOUR, netpbm::GREY, npy::MEDIA, wav::MEDIA, pair::MEDIA].contains(&media)
}

/// Whether this is a key of one of these media, in the one spelling that it has.
pub(crate) fn is_key(media: &str, bytes: &[u8]) -> bool {
    if media == pair::MEDIA { pair::read(bytes).is_some() } else { read(media, bytes).is_some() }
}

/// Whether keys of a medium may be answered in words, as texts are: models that hear or see write.
pub(crate) fn is_answered_in_words(media: &str) -> bool {
    [wav::MEDIA, pair::MEDIA].contains(&media)
}
