"""Keys of other kinds than text as a page shows them: pictures, with texts or not, numbers, sounds.

A page loads nothing: all of them are within it. What cannot be read is described in words, for
bytes of a bundle are whatever somebody wrote into it.
"""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifrs._core import read_key, read_pair

_PAIR, _COLOUR, _GREY = (
    "application/x-image-text",
    "image/x-portable-pixmap",
    "image/x-portable-graymap",
)
# Pixels of the longer side of a picture in the page, at most.
_SIDE = 160
# Values of an observation that are written out; more of them are drawn.
_WRITTEN = 64
# Steps of an observation that are shown, and points of a curve.
_STEPS, _POINTS = 8, 400
_WIDTH, _HEIGHT = 240, 60
# Bytes of a sound that the page can play.
_PLAYED = 1 << 20


def shown(media: str, key: str) -> Any:
    """A key as markup: None where it is text.

    Args:
        media: The key's media type.
        key: Its bytes in base64, as reports and bundles hold them.
    """
    if media.startswith("text/"):
        return None
    try:
        data = base64.b64decode(key, validate=True)
        if media == _PAIR:
            return _pair(*read_pair(data))
        values = _values(media, data)
    except (binascii.Error, ValueError):
        return _described(f"a key of type {media} that cannot be read")
    if media.startswith("image/"):
        return _picture(values, "image")
    if media.startswith("audio/"):
        return _sound(data, values)
    return _observation(values)


def _values(media: str, data: bytes) -> NDArray[Any]:
    dtype, shape, offset = read_key(media, data)
    return np.frombuffer(data, dtype=dtype, offset=offset).reshape(shape)


def _pair(image: bytes, text: str) -> Any:
    """A picture, and what is asked of it."""
    from markupsafe import Markup

    picture = _picture(_values(_GREY if image[:2] == b"P5" else _COLOUR, image), "image")
    return picture + Markup('<span class="key-values">{}</span>').format(text)


def _described(text: str) -> Any:
    from markupsafe import Markup

    return Markup('<span class="note">{}</span>').format(text)


def _picture(pixels: NDArray[Any], what: str) -> Any:
    """A PNG within the page; its size in words where Pillow is not installed."""
    from markupsafe import Markup

    high, wide = pixels.shape[:2]
    size = f"{wide} × {high} pixels"
    try:
        from PIL import Image
    except ImportError:
        return _described(f"{what}, {size} (pip install pillow, and the page shows it)")
    flat = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(flat)).save(written, "PNG")
    scale = _SIDE / max(high, wide)
    return Markup(
        '<img class="key-image" alt="{} of {}" title="{}" width="{}" height="{}" '
        'src="data:image/png;base64,{}">'
    ).format(
        what,
        size,
        size,
        max(round(wide * scale), 1),
        max(round(high * scale), 1),
        base64.b64encode(written.getvalue()).decode(),
    )


def _sound(data: bytes, samples: NDArray[Any]) -> Any:
    from markupsafe import Markup

    curve = _curves(samples.reshape(1, -1), "waveform")
    if len(data) > _PLAYED:
        return curve
    played = '<audio controls preload="metadata" src="data:audio/wav;base64,{}"></audio>'
    return curve + Markup(played).format(base64.b64encode(data).decode())


def _observation(values: NDArray[Any]) -> Any:
    """An observation's steps: few values as numbers, frames as pictures, others as curves."""
    from markupsafe import Markup

    steps = values.reshape(values.shape[0], -1) if values.ndim > 1 else values.reshape(1, -1)
    if steps.size <= _WRITTEN:
        lines = [", ".join(f"{value:.4g}" for value in step) for step in steps.tolist()]
        if len(lines) > 1:
            lines = [f"step {number}: {line}" for number, line in enumerate(lines, 1)]
        return Markup('<span class="key-values">{}</span>').format("\n".join(lines))
    if values.dtype == np.uint8 and values.ndim >= 3 and (frames := _frames(values)) is not None:
        return _picture(frames, f"observation of shape {values.shape[1:]}, frames side by side,")
    return _curves(steps[:_STEPS], f"observation of shape {values.shape[1:]}")


def _frames(values: NDArray[Any]) -> NDArray[Any] | None:
    """Frames of every step side by side, (height, width) or (height, width, 3)."""
    shown = values[:_STEPS]
    if shown.ndim == 4 and shown.shape[3] == 3:
        return np.concatenate(list(shown), axis=1)
    if shown.ndim == 4 and shown.shape[3] < shown.shape[1]:
        shown = np.moveaxis(shown, 3, 1)
    if shown.ndim == 4:
        shown = shown.reshape(-1, *shown.shape[2:])
    return np.concatenate(list(shown[:_STEPS]), axis=1) if shown.ndim == 3 else None


def _curves(rows: NDArray[Any], what: str) -> Any:
    """One curve for each row, over each other."""
    from markupsafe import Markup

    low, high = float(rows.min()), float(rows.max())
    spread = (high - low) or 1.0
    paths = []
    for row in rows:
        places = np.unique(np.linspace(0, len(row) - 1, min(len(row), _POINTS)).astype(int))
        across = places / max(len(row) - 1, 1) * _WIDTH
        down = _HEIGHT - (row[places].astype(float) - low) / spread * _HEIGHT
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
        paths.append(Markup('<polyline points="{}"/>').format(points))
    drawing = '<svg class="key-curve" role="img" viewBox="0 0 {} {}"><title>{}</title>{}</svg>'
    return Markup(drawing).format(
        _WIDTH,
        _HEIGHT,
        f"{what}, from {low:.3g} to {high:.3g}",
        Markup("").join(paths),
    )
