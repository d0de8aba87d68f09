"""Rounding of weights to few bits, to the nearest."""

from __future__ import annotations

from torch import Tensor, nn


def rounded(rows: Tensor, bits: int, group: int | None = None) -> Tensor:
    """Rows as `bits` bits hold them.

    Symmetric with one scale a row (`group` None), or asymmetric with one scale and offset for each
    `group` neighbouring weights of a row.

    Args:
        rows: (rows, width).
        bits: Of each weight.
        group: Weights that share a scale.
    """
    if group is None:
        most = 2 ** (bits - 1) - 1
        scale = rows.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / most
        even: Tensor = (rows / scale).round().clamp(-most, most) * scale
        return even
    width = rows.shape[1]
    short = -width % group
    padded = nn.functional.pad(rows, (0, short)).view(rows.shape[0], -1, group)
    low, high = padded.amin(-1, keepdim=True), padded.amax(-1, keepdim=True)
    scale = (high - low).clamp(min=1e-12) / (2**bits - 1)
    back = ((padded - low) / scale).round() * scale + low
    found: Tensor = back.view(rows.shape[0], -1)[:, :width]
    return found
