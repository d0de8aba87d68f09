"""Text of strangers, with everything in it that does not show made to show."""

from __future__ import annotations

import re
import unicodedata

# Of these every character that a reader cannot see: controls, formats, halves of characters, and
# line ends that only some programs know.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Formats that are drawn: signs of Arabic, Syriac and Kaithi that stand around numbers.
_DRAWN = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
# Of other categories, yet drawn as nothing (Unicode's Default_Ignorable_Code_Point).
_IGNORED = (
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian variation selectors
    (0x2065, 0x2065),
    (0x3164, 0x3164),  # Hangul filler
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (0xFFF0, 0xFFF8),
    (0xE0000, 0xE0FFF),  # tags, further variation selectors
)
_LOOKS = "\ufe0e\ufe0f"  # an emoji's look: as text, as a picture
_JOINER = "\u200d"
_SKINS = range(0x1F3FB, 0x1F400)
_SIMPLE = re.compile(r"[\n\t -~]*")
_MOST_MARKS = 4  # on one character; Hebrew with vowels and accents needs no more


def visible(text: str) -> str:
    """The text with a stand-in for each character that would not show, or would move others.

    Controls become their Unicode pictures, other characters `[U+200B]`. Line feeds and tabs stay,
    and so do what makes an emoji and a few marks on one character; of a taller stack each further
    mark is shown by itself. The result can be given in again: it stays as it is.
    """
    if _SIMPLE.fullmatch(text):
        return text
    shown, marks = [], 0
    for place, character in enumerate(text):
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if character in "\n\t" or _in_emoji(text, place):
            shown.append(character)
        elif marks > _MOST_MARKS or hidden(character):
            shown.append(_stand_in(character))
        else:
            shown.append(character)
    return "".join(shown)


def one_line(text: str) -> str:
    """`visible`, and line feeds and tabs as pictures: for a table's cell or a message."""
    return visible(text).replace("\n", "␊").replace("\t", "␉")


def hidden(character: str) -> bool:
    """Whether a character does not show, or moves others."""
    code = ord(character)
    if unicodedata.category(character) in _HIDDEN:
        return code not in _DRAWN
    return any(first <= code <= last for first, last in _IGNORED)


def _stand_in(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"[U+{code:04X}]"


def _in_emoji(text: str, place: int) -> bool:
    """Whether an invisible character does here what it is for: give an emoji its look."""
    character = text[place]
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if character in _LOOKS:
        return _pictorial(before) or (before in tuple("#*0123456789") and after == "\u20e3")
    if character != _JOINER:
        return False
    if before in _LOOKS:
        before = text[max(place - 2, 0) : max(place - 1, 0)]
    return (_pictorial(before) or _skin(before)) and _pictorial(after)


def _pictorial(character: str) -> bool:
    """Whether it is a picture as emoji are: a symbol, or an arrow."""
    return bool(character) and (
        unicodedata.category(character) == "So" or character in "‼⁉↔♯⬌▶◀◼◻◾◽"
    )


def _skin(character: str) -> bool:
    return bool(character) and ord(character) in _SKINS
