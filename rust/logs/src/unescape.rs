//! JSON strings as the texts that they spell.

use memchr::memchr;

/// Appends what a string spells, given between its quotes and with whole
/// escapes, if `escaped`, or none; nothing where half of a surrogate pair is spelled, which is no
/// character.
pub(crate) fn unescape(mut raw: &[u8], escaped: bool, text: &mut Vec<u8>) -> Option<()> {
    while let Some(at) = if escaped { memchr(b'\\', raw) } else { None } {
        text.extend_from_slice(&raw[..at]);
        let escape = *raw.get(at + 1)?;
        raw = &raw[at + 2..];
        if escape == b'u' {
            let character = character(&mut raw)?;
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            text.push(match escape {
                b'b' => 0x08,
                b'f' => 0x0C,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                other => other,
            });
        }
    }
    text.extend_from_slice(raw);
    Some(())
}

/// The character of one escape in hexadecimal digits, or of two.
pub(crate) fn character(raw: &mut &[u8]) -> Option<char> {
    let first = next_unit(raw)?;
    let code = match first {
        0xD800..0xDC00 => {
            *raw = raw.strip_prefix(b"\\u")?;
            let second = next_unit(raw)?.checked_sub(0xDC00).filter(|second| *second < 0x400)?;
            0x1_0000 + ((first - 0xD800) << 10 | second)
        }
        _ => first,
    };
    char::from_u32(code)
}

fn next_unit(raw: &mut &[u8]) -> Option<u32> {
    let (digits, rest) = raw.split_at_checked(4)?;
    *raw = rest;
    unit(digits)
}

/// What hexadecimal digits say.
pub(crate) fn unit(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn undone(raw: &str) -> Option<String> {
        let mut text = Vec::new();
        unescape(raw.as_bytes(), true, &mut text)?;
        String::from_utf8(text).ok()
    }

    proptest! {
        #[test]
        fn strings_are_what_serde_reads(
            parts in prop::collection::vec("[ a-zé漢🚀/]{1,9}|\\\\[bfnrt\"/\\\\]|\\\\u[0-9a-fA-F]{4}\
                |\\\\ud8[0-3][0-9a-f]|\\\\uDC[0-9A-F]{2}", 0..9),
        ) {
            let raw = parts.concat();
            let expected = serde_json::from_str::<String>(&format!("\"{raw}\"")).ok();
            prop_assert_eq!(undone(&raw), expected, "{}", raw);
        }
    }
}
