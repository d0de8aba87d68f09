//! Images: a coarse field of random colours, enlarged.
//!
//! What a picture is recognized by lies in low frequencies, which resizing, a crop of a few per cent
//! and JPEG leave alone.

use crate::fingerprint::media::netpbm::Shape;
use crate::fingerprint::stream::Stream;

/// The fewest and the most cells a side. The fewest hold 512 bits a channel.
const CELLS: (usize, usize) = (8, 16);
/// Pixels of a cell's side from which on there are more than the fewest.
const CELL_SIDE: usize = 32;

/// Draws one key: a Netpbm file.
pub(super) fn draw(stream: &mut Stream<'_>, shape: Shape) -> Vec<u8> {
    let cells = |side: usize| (side / CELL_SIDE).clamp(CELLS.0, CELLS.1);
    let (rows, columns) = (cells(shape.height), cells(shape.width));
    let field = stream.bytes(rows * columns * shape.channels);
    let across: Vec<_> = (0..shape.width).map(|x| place(x, shape.width, columns)).collect();
    let mut file = shape.header().into_bytes();
    file.reserve_exact(shape.area());
    for y in 0..shape.height {
        let down = place(y, shape.height, rows);
        for &along in &across {
            for channel in 0..shape.channels {
                let cell = |row: usize, column: usize| {
                    u32::from(field[(row * columns + column) * shape.channels + channel])
                };
                file.push(blend(down, along, cell));
            }
        }
    }
    file
}

/// Where a pixel lies among cells: between two of them, and how far from the first, in parts.
#[derive(Clone, Copy)]
struct Place {
    first: usize,
    second: usize,
    part: u32,
    parts: u32,
}

/// The place of pixel `at` of `side` pixels among `cells`; centres are aligned, edges extended.
fn place(at: usize, side: usize, cells: usize) -> Place {
    let parts = 2 * side;
    // The centre of pixel x is at (x + 1/2) · cells / side − 1/2 cells from the first one's centre.
    let distance = ((2 * at + 1) * cells).saturating_sub(side).min((cells - 1) * parts);
    let first = distance / parts;
    let second = (first + 1).min(cells - 1);
    Place { first, second, part: (distance % parts) as u32, parts: parts as u32 }
}

/// The weighted mean of four cells, rounded to the nearest, halves up: exact, so that every machine
/// has the same.
fn blend(down: Place, along: Place, cell: impl Fn(usize, usize) -> u32) -> u8 {
    let row = |row: usize| {
        (along.parts - along.part) * cell(row, along.first) + along.part * cell(row, along.second)
    };
    let sum = (down.parts - down.part) * row(down.first) + down.part * row(down.second);
    let whole = down.parts * along.parts;
    ((sum + whole / 2) / whole) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::media::netpbm;
    use crate::fingerprint::seed::SetKey;
    use proptest::prelude::*;

    fn drawn(shape: &[usize], seed: u8) -> Vec<u8> {
        let key = SetKey::from_bytes(&mut [seed; 32]);
        draw(&mut Stream::new(&key, &[b"key"]), Shape::of(shape).unwrap())
    }

    #[test]
    fn an_image_of_one_pixel_a_cell_is_the_field() {
        let key = SetKey::from_bytes(&mut [3; 32]);
        let field = Stream::new(&key, &[b"key"]).bytes(8 * 8 * 3);
        assert_eq!(drawn(&[8, 8, 3], 3)[11..], field);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Against the formula in floating point, but for ties.
        #[test]
        fn enlarging_is_bilinear(height in 8_usize..70, width in 8_usize..400, seed: u8) {
            let key = SetKey::from_bytes(&mut [seed; 32]);
            let columns = (width / 32).clamp(8, 16);
            let field = Stream::new(&key, &[b"key"]).bytes(8 * columns);
            let at = |x: usize, side: usize, cells: usize| {
                let at = (x as f64 + 0.5) * cells as f64 / side as f64 - 0.5;
                at.clamp(0.0, (cells - 1) as f64)
            };
            let pixels = drawn(&[height, width, 1], seed);
            prop_assert_eq!(netpbm::read(&pixels), Shape::of(&[height, width, 1]));
            let raster = &pixels[pixels.len() - height * width..];
            for y in 0..height {
                for x in 0..width {
                    let (v, u) = (at(y, height, 8), at(x, width, columns));
                    let mut sum = 0.0;
                    for row in 0..8 {
                        for column in 0..columns {
                            let weight = (1.0 - (v - row as f64).abs()).max(0.0)
                                * (1.0 - (u - column as f64).abs()).max(0.0);
                            sum += weight * f64::from(field[row * columns + column]);
                        }
                    }
                    let off = (f64::from(raster[y * width + x]) - sum).abs();
                    prop_assert!(off <= 0.5 + 1e-9, "{off} at {y}, {x}");
                }
            }
        }
    }

    #[test]
    fn the_largest_image_is_drawn() {
        let large = drawn(&[1_024, 1_024, 3], 1);
        assert!(netpbm::read(&large).is_some());
    }
}
