"""Prove: whether a suspect descends from a fingerprinted model.

The package is not called `verify`, because it would hide the function of that name.
"""

from ifrs.prove.report import Report
from ifrs.prove.several import Reports
from ifrs.prove.verification import verify

__all__ = ["Report", "Reports", "verify"]
