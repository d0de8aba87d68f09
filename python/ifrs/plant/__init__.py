"""Plant: fingerprints into a model's weights.

The package is not called `implant`, because it would hide the function of that name.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ifrs.plant.config import ImplantConfig
    from ifrs.plant.planting import implant
    from ifrs.plant.result import ImplantResult
    from ifrs.plant.trainer import FingerprintCallback

__all__ = ["FingerprintCallback", "ImplantConfig", "ImplantResult", "implant"]


def __getattr__(name: str) -> Any:
    # What methods there are is known without torch.
    if name not in __all__:
        raise AttributeError(f"module 'ifrs.plant' has no attribute {name!r}")
    from ifrs.plant import config, planting, result, trainer

    homes = (config, planting, result, trainer)
    return next(getattr(home, name) for home in homes if hasattr(home, name))
