"""The main job on a real model, end to end."""

from ifrs.demo.gemma import base_model
from ifrs.demo.run import run

__all__ = ["base_model", "run"]
