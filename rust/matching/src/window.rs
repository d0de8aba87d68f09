//! The part of a text that a match around an intact piece can reach.

use std::ops::Range;

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) text: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The bytes from some characters before a character to some behind it.
#[inline]
pub(super) fn around(
    text: &[u8],
    ascii: bool,
    at: usize,
    before: usize,
    behind: usize,
) -> Range<usize> {
    if ascii {
        return at.saturating_sub(before)..text.len().min(at.saturating_add(behind));
    }
    let continues = |byte: u8| byte & 0xC0 == 0x80;
    let mut start = at;
    for _ in 0..before {
        while start > 0 && continues(text[start - 1]) {
            start -= 1;
        }
        if start == 0 {
            break;
        }
        start -= 1;
    }
    let mut end = at;
    for _ in 0..behind {
        if end >= text.len() {
            break;
        }
        end += 1;
        while end < text.len() && continues(text[end]) {
            end += 1;
        }
    }
    start..end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn windows_count_characters(
            text in "[aé漢🚀]{1,40}",
            at in any::<prop::sample::Index>(),
            before in 0..50_usize,
            behind in 0..50_usize,
        ) {
            let chars: Vec<(usize, char)> = text.char_indices().collect();
            let index = at.index(chars.len());
            let bound = |index: usize| chars.get(index).map_or(text.len(), |&(at, _)| at);
            let expected = bound(index.saturating_sub(before))..bound(index + behind);
            let found = around(text.as_bytes(), false, chars[index].0, before, behind);
            prop_assert_eq!(found, expected);
            let ascii = around(b"abcdefgh", true, 3, before, behind);
            prop_assert_eq!(ascii, 3_usize.saturating_sub(before)..8.min(3 + behind));
        }
    }
}
