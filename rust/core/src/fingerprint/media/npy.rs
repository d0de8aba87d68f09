//! NumPy's array files, version 1.0, as `numpy.save` writes them: single floats or bytes, row by row.

/// The media type of arrays.
pub const MEDIA: &str = "application/x-npy";

/// What an entry can be, as NumPy spells it, and its size in bytes.
const TYPES: [(&str, usize); 2] = [("<f4", 4), ("|u1", 1)];

/// Magic, version and the header's length.
const PREFIX: usize = 10;
/// Headers are padded to a multiple of this.
const ALIGNED: usize = 64;
/// `numpy.save` leaves room for so many digits of the first size, for who appends.
const DIGITS: usize = 21;
/// The most sizes of a shape; NumPy before 2 takes 32.
const MOST_AXES: usize = 8;
/// The longest header that is looked at.
const LONGEST_HEADER: usize = 512;

/// Type and shape of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    /// The type of its entries, as NumPy spells it.
    pub dtype: &'static str,
    /// Its sizes, slowest axis first.
    pub shape: Vec<usize>,
}

impl Array {
    /// An array of this type and shape; `None` if no key is such a one.
    pub fn of(dtype: &str, shape: &[usize]) -> Option<Self> {
        let (dtype, size) = TYPES.into_iter().find(|(name, _)| *name == dtype)?;
        let bytes = shape.iter().try_fold(size, |all, &size| all.checked_mul(size))?;
        let fits = (1..=MOST_AXES).contains(&shape.len()) && (1..=1 << 20).contains(&bytes);
        fits.then(|| Self { dtype, shape: shape.to_vec() })
    }

    /// Numbers in it.
    pub(crate) fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of its numbers.
    pub(crate) fn area(&self) -> usize {
        let size = TYPES.iter().find(|(name, _)| *name == self.dtype).map_or(0, |found| found.1);
        self.numbers() * size
    }

    /// What stands before its numbers.
    pub(crate) fn header(&self) -> Vec<u8> {
        let sizes: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        let comma = if sizes.len() == 1 { "," } else { "" };
        let mut text = format!(
            "{{'descr': '{}', 'fortran_order': False, 'shape': ({}{comma}), }}",
            self.dtype,
            sizes.join(", ")
        );
        text.push_str(&" ".repeat(DIGITS - sizes[0].len()));
        // Where it fits exactly, NumPy adds a whole block.
        text.push_str(&" ".repeat(ALIGNED - (PREFIX + text.len() + 1) % ALIGNED));
        text.push('\n');
        let length = (text.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes()].concat()
    }
}

/// Reads a file of exactly the spelling that keys have, all of whose numbers are finite.
pub fn read(bytes: &[u8]) -> Option<Array> {
    let text = bytes.get(PREFIX..)?.split(|&byte| byte == b'\n').next()?;
    let text = std::str::from_utf8(text.get(..text.len().min(LONGEST_HEADER))?).ok()?;
    let (dtype, text) = text.strip_prefix("{'descr': '")?.split_once('\'')?;
    let (sizes, _) = text.split_once('(')?.1.split_once(')')?;
    let sizes = sizes.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape: Vec<usize> = sizes.map(|size| size.parse().ok()).collect::<Option<_>>()?;
    let array = Array::of(dtype, &shape)?;
    let numbers = bytes.strip_prefix(&array.header()[..])?;
    let is_finite = |number: &[u8]| {
        number.try_into().is_ok_and(|number| f32::from_le_bytes(number).is_finite())
    };
    let is_sound = array.dtype == "|u1" || numbers.chunks(4).all(is_finite);
    (is_sound && numbers.len() == array.area()).then_some(array)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(array: &Array) -> Vec<u8> {
        [array.header(), vec![1; array.area()]].concat()
    }

    #[test]
    fn the_header_is_numpys() {
        let array = Array::of("<f4", &[1, 4]).unwrap();
        let mut text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }".to_owned();
        text.push_str(&" ".repeat(128 - 11 - text.len()));
        let expected = [b"\x93NUMPY\x01\x00\x76\x00", text.as_bytes(), b"\n"].concat();
        assert_eq!(array.header(), expected);
    }

    #[test]
    fn another_spelling_is_refused() {
        let good = file(&Array::of("|u1", &[3, 8]).unwrap());
        assert!(read(&good).is_some());
        let text = String::from_utf8_lossy(&good[PREFIX..128]).into_owned();
        for (from, to) in [
            ("(3, 8)", "(3,8) "),
            ("(3, 8), }", "(3, 8,),}"),
            ("False", "True "),
            ("|u1", "<u1"),
            ("(3, 8), } ", "(03, 8), }"),
            ("'descr'", "\"descr\""),
        ] {
            assert!(text.contains(from), "{from}");
            let changed = text.replacen(from, to, 1);
            let bytes = [&good[..PREFIX], changed.as_bytes(), &good[128..]].concat();
            assert_eq!(read(&bytes), None, "{to}");
        }
        assert_eq!(read(&good[..good.len() - 1]), None);
        assert_eq!(read(&[&good[..], b"x"].concat()), None);
        let mut older = good.clone();
        older[6] = 2;
        assert_eq!(read(&older), None);
    }

    #[test]
    fn a_number_that_is_none_is_refused() {
        let array = Array::of("<f4", &[2]).unwrap();
        for number in [f32::NAN, f32::INFINITY] {
            let numbers = [1.0_f32.to_le_bytes(), number.to_le_bytes()].concat();
            assert_eq!(read(&[array.header(), numbers].concat()), None);
        }
    }

    proptest! {
        #[test]
        fn a_header_is_read_back(
            shape in prop::collection::vec(1_usize..12, 1..5),
            dtype in prop::sample::select(vec!["<f4", "|u1"]),
        ) {
            let array = Array::of(dtype, &shape).unwrap();
            prop_assert_eq!(array.header().len() % ALIGNED, 0);
            prop_assert_eq!(read(&file(&array)), Some(array));
        }

        #[test]
        fn whatever_stands_there_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(read(&bytes), None);
        }
    }
}
