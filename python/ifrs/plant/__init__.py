"""Plant: fingerprints into a model's weights.

The package is not called `implant`, because it would hide the function of that name.
"""

from ifrs.plant.config import ImplantConfig
from ifrs.plant.planting import implant
from ifrs.plant.result import ImplantResult
from ifrs.plant.trainer import FingerprintCallback

__all__ = ["FingerprintCallback", "ImplantConfig", "ImplantResult", "implant"]
