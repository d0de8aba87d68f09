"""The suites of an audit: each module gives its units for a bench."""

from ifrs.audit.suites import (
    attacks,
    baselines,
    deployment,
    effectiveness,
    harmlessness,
    persistence,
    variants,
)

SUITES = {
    "effectiveness": effectiveness.units,
    "harmlessness": harmlessness.units,
    "persistence": persistence.units,
    "deployment": deployment.units,
    "attacks": attacks.units,
    "baselines": baselines.units,
    "variants": variants.units,
}

__all__ = ["SUITES"]
