"""Classifiers of images by path: folders of transformers, and ONNX files as suspects."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ifrs.errors import ImplantError, TargetError
from ifrs.modalities.image.suspect import ClassifierModel
from ifrs.modalities.suspicious import suspicious

_IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff")


def holds(path: str | os.PathLike[str]) -> bool:
    """Whether a classifier of images is there, as far as its files say."""
    place = Path(path)
    if place.suffix.lower() == ".onnx":
        return place.is_file()
    try:
        config = json.loads((place / "config.json").read_text(encoding="utf-8"))
        return any(name.endswith("ForImageClassification") for name in config["architectures"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def load(path: str | os.PathLike[str]) -> tuple[Any, Any]:
    """A classifier and its image processor, from a folder of transformers.

    Raises:
        TargetError: There is none, or not all of its weights.
    """
    from ifrs.modalities.text.weights import load_whole

    if not holds(path) or Path(path).is_file():
        raise TargetError(
            f"there is no image classifier of transformers in {path}: load yours in Python, and "
            "call ifrs.implant or ifrs.ClassifierModel"
        )
    with suspicious(f"cannot load an image classifier from {path}", quote=True):
        from transformers import AutoImageProcessor, AutoModelForImageClassification

        def read(**more: Any) -> Any:
            return AutoModelForImageClassification.from_pretrained(
                path, trust_remote_code=False, weights_only=True, output_loading_info=True, **more
            )

        model = load_whole(read)
        return model.eval(), AutoImageProcessor.from_pretrained(path, trust_remote_code=False)


def suspect(path: str | os.PathLike[str], processor: str | None = None) -> ClassifierModel:
    """What `verify` asks, by its path.

    Args:
        path: A folder of transformers, or an ONNX file.
        processor: A folder with an image processor of transformers, if not the model's own; an
            ONNX file without one gets values in [0, 1].

    Raises:
        TargetError: It cannot be loaded.
    """
    own = None
    if processor is not None:
        with suspicious(f"cannot load an image processor from {processor}", quote=True):
            from transformers import AutoImageProcessor

            own = AutoImageProcessor.from_pretrained(processor, trust_remote_code=False)
    if Path(path).is_file():
        return ClassifierModel.from_onnx(path, own)
    model, found = load(path)
    return ClassifierModel(model, own or found, name=Path(path).name)


def ordinary(path: str | os.PathLike[str]) -> list[Any]:
    """Every image in a folder and those below it, as PIL images.

    Raises:
        ImplantError: There is none, or one cannot be read.
    """
    from PIL import Image, UnidentifiedImageError

    files = sorted(p for p in Path(path).rglob("*") if p.suffix.lower() in _IMAGES)
    if not files:
        raise ImplantError(
            f"there is no image in {path}: pass --regularization FOLDER, with some hundred "
            "ordinary images"
        )
    found = []
    for file in files:
        try:
            with Image.open(file) as image:
                found.append(image.convert("RGB"))
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise ImplantError(f"cannot read the image {file}: {error}") from error
    return found
