//! Binary Netpbm files of 8 bits a sample: `P6` in colour, `P5` in grey.

/// The media type of images in colour.
pub const COLOUR: &str = "image/x-portable-pixmap";
/// The media type of images in grey.
pub const GREY: &str = "image/x-portable-graymap";

/// The least and the most pixels a side.
pub const SIDES: std::ops::RangeInclusive<usize> = 8..=1_024;

/// The longest header: that of the largest image.
const LONGEST_HEADER: usize = b"P6\n1024 1024\n255\n".len();

/// Height, width and channels of a raster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Samples of a pixel: 1 or 3.
    pub channels: usize,
}

impl Shape {
    /// The shape of height, width and channels; `None` if there are no such keys.
    pub fn of(sides: &[usize]) -> Option<Self> {
        let &[height, width, channels] = sides else { return None };
        let fits = SIDES.contains(&height) && SIDES.contains(&width) && [1, 3].contains(&channels);
        fits.then_some(Self { height, width, channels })
    }

    /// Bytes of the raster.
    pub(crate) fn area(self) -> usize {
        self.height * self.width * self.channels
    }

    /// What stands before the raster.
    pub(crate) fn header(self) -> String {
        let magic = if self.channels == 3 { "P6" } else { "P5" };
        format!("{magic}\n{} {}\n255\n", self.width, self.height)
    }
}

/// The media type of images of so many channels.
pub fn media(channels: usize) -> &'static str {
    if channels == 3 { COLOUR } else { GREY }
}

/// Reads a file of exactly the spelling that keys have.
pub fn read(bytes: &[u8]) -> Option<Shape> {
    let head = &bytes[..bytes.len().min(LONGEST_HEADER)];
    let mut lines = head.split(|&byte| byte == b'\n');
    let channels = match lines.next()? {
        b"P6" => 3,
        b"P5" => 1,
        _ => return None,
    };
    let (width, height) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
    let shape = Shape::of(&[height.parse().ok()?, width.parse().ok()?, channels])?;
    let header = shape.header();
    let is_canonical = bytes.starts_with(header.as_bytes());
    (is_canonical && bytes.len() == header.len() + shape.area()).then_some(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(header: &str, samples: usize) -> Vec<u8> {
        [header.as_bytes(), &vec![7; samples]].concat()
    }

    #[test]
    fn another_spelling_or_size_is_refused() {
        assert!(read(&file("P6\n9 8\n255\n", 216)).is_some());
        for header in [
            "P6\n09 8\n255\n",
            "P6\n+9 8\n255\n",
            "P6 9 8 255\n",
            "P6\n9 8\n255 ",
            "P6\n# x\n9 8\n255\n",
            "P6\n9  8\n255\n",
            "P6\n9 8\n15\n",
            "P3\n9 8\n255\n",
            "P6\n9 7\n255\n",
            "P6\n1025 8\n255\n",
            "P6\n99999999999999999999 8\n255\n",
            "P6",
            "",
        ] {
            assert_eq!(read(&file(header, 216)), None, "{header}");
        }
        assert_eq!(read(&file("P6\n9 8\n255\n", 215)), None);
        assert_eq!(read(&file("P6\n9 8\n255\n", 217)), None);
    }

    proptest! {
        #[test]
        fn a_header_is_read_back(height in 8_usize..60, width in 8_usize..60, colour: bool) {
            let shape = Shape::of(&[height, width, if colour { 3 } else { 1 }]).unwrap();
            prop_assert_eq!(read(&file(&shape.header(), shape.area())), Some(shape));
        }

        #[test]
        fn whatever_stands_there_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(read(&bytes), None);
        }
    }
}
