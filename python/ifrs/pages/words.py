"""Numbers as a reader meets them on the page.

Everything about a p-value starts from its base-10 logarithm: the p-value itself underflows to
zero long before the evidence runs out.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import datetime, timezone

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LATIN_ENDS = "\u024f"
_SLACK = 1e-9  # absorbs the rounding of 10 ** log10(x), so that 1e-6 reads "1 in 1,000,000"
_PLAIN_FROM = -3  # p-values from 10^-3 upward are written without an exponent
_POWERS_FROM = 9  # odds from 1 in 10^9 upward are written as a power of ten


def code_points(text: str) -> str:
    """Letters beyond Latin by number, in order: "U+664F U+798F"; a system may not draw them."""
    letters = (c for c in text if c > _LATIN_ENDS and unicodedata.category(c)[0] in "LM")
    return " ".join(f"U+{ord(letter):04X}" for letter in letters)


def superscript(number: int) -> str:
    """The integer in superscript digits: -42 becomes ⁻⁴²."""
    return str(number).translate(_SUPERSCRIPT)


def power_of_ten(exponent: int) -> str:
    """10 to the exponent, written short: "1", "10⁻⁶"."""
    return "1" if exponent == 0 else f"10{superscript(exponent)}"


def finite(value: object, field: str) -> float:
    """The value as a float; ValueError names the field if it is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{field} must be a finite number")
    return float(value)


def p_value(log10_p: float) -> str:
    """The p-value in two digits: "0.37", "4.9×10⁻⁴²"."""
    if log10_p >= _PLAIN_FROM:
        return f"{min(1.0, 10**log10_p):.2g}"
    return _power(log10_p)


def _power(log10: float) -> str:
    exponent = math.floor(log10)
    mantissa = f"{10 ** (log10 - exponent):.1f}"
    if mantissa == "10.0":  # 9.97 rounds up into the next power
        mantissa, exponent = "1.0", exponent + 1
    return f"{mantissa}×10{superscript(exponent)}"


def threshold(alpha: float) -> str:
    """The threshold as a power of ten where it is one: "10⁻⁶", else as a p-value."""
    exponent = math.log10(alpha)
    if abs(exponent - round(exponent)) < _SLACK:
        return power_of_ten(round(exponent))
    return p_value(exponent)


def e_value(log10_e: float) -> str:
    """The e-value in two digits: "0.13", "2.5×10³"; it grows where a p-value shrinks."""
    if -3 <= log10_e < 3:
        return f"{10**log10_e:.2g}" if log10_e < 2 else f"{10**log10_e:.0f}"
    return p_value(log10_e) if log10_e < 0 else _power(log10_e)


def chance(log10_p: float) -> str:
    """An upper bound on the chance: "37%", "1 in 280,000", "1 in 10⁴¹"; rounded against us."""
    if log10_p > -2:
        return f"{min(100, math.ceil(100 * 10**log10_p - _SLACK))}%"
    if log10_p <= -_POWERS_FROM:
        return f"1 in 10{superscript(math.floor(-log10_p + _SLACK))}"
    odds = math.floor(10**-log10_p * (1 + _SLACK))
    unit = 10 ** max(0, len(str(odds)) - 2)
    return f"1 in {odds // unit * unit:,}"


def percent(share: float) -> str:
    """A share between 0 and 1 as a percentage in three digits."""
    if 0 < share < 1e-4:
        return "<0.01%"
    return f"{100 * share:.3g}%"


def interval(bounds: tuple[float, float]) -> str:
    """A confidence interval as percentages: "69.2% to 100%"."""
    return f"{percent(bounds[0])} to {percent(bounds[1])}"


def bits(log10_p: float) -> int:
    """-log2 p, rounded down: how many bits of luck, or of grinding, the evidence would take."""
    return math.floor(max(0.0, -log10_p * math.log2(10)) + _SLACK)


def number(value: float) -> str:
    """A score in three digits, with a true minus sign."""
    return f"{value:.3g}".replace("-", "−")


def duration(seconds: float) -> str:
    """Seconds as "0.4 s", "3.2 s", "2 min 5 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def moment(created: str) -> str:
    """An ISO 8601 time as "2026-11-22 15:00 UTC"; what cannot be read is shown as it came."""
    try:
        # Python 3.10 does not read the suffix Z.
        time = datetime.fromisoformat(created.replace("Z", "+00:00"))
    except ValueError:
        return created
    if time.tzinfo is None:
        return f"{time:%Y-%m-%d %H:%M}"
    return f"{time.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"
