//! Tables of short walks, for [`Simd::walk`](super::Simd::walk).
//!
//! A walk of a few steps is an index: the bits that say up below those that
//! say down. Longer walks are put together from short ones: the least height
//! of two in a row is the lesser of the first's and of the first's end plus
//! the second's.

/// The least height after any step of a walk of `steps` steps.
const fn least(index: usize, steps: usize) -> i8 {
    let (mut height, mut least, mut step) = (0_i8, i8::MAX, 0);
    while step < steps {
        height += (index >> step & 1) as i8 - (index >> (steps + step) & 1) as i8;
        if height < least {
            least = height;
        }
        step += 1;
    }
    least
}

/// The height after the last step.
const fn last(index: usize, steps: usize) -> i8 {
    let mask = (1 << steps) - 1;
    (index & mask).count_ones() as i8 - (index >> steps).count_ones() as i8
}

macro_rules! table {
    ($name:ident, $size:literal, $of:ident, $steps:literal, $doc:literal) => {
        #[doc = $doc]
        #[allow(dead_code, reason = "each vector unit takes the size that suits it")]
        pub(super) const $name: [u8; $size] = {
            let mut table = [0; $size];
            let mut index = 0;
            while index < $size {
                table[index] = $of(index, $steps).cast_unsigned();
                index += 1;
            }
            table
        };
    };
}

table!(LEAST_OF_2, 16, least, 2, "The least heights of walks of two steps.");
table!(LAST_OF_2, 16, last, 2, "The last heights of walks of two steps.");
table!(LEAST_OF_4, 256, least, 4, "The least heights of walks of four steps.");
table!(LAST_OF_4, 256, last, 4, "The last heights of walks of four steps.");
