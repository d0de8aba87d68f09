"""A Ray cluster that is there already, and what one task takes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ifrs.errors import TargetError


@dataclass(frozen=True)
class Room:
    """What one task takes of a node.

    Attributes:
        cpus: Cores.
        gpus: Devices; None for one where the cluster has any.
    """

    cpus: float = 1.0
    gpus: float | None = None

    def on(self, ray: Any) -> dict[str, float]:
        """The same as Ray takes it, on the cluster as it is now."""
        gpus = self.gpus
        if gpus is None:
            gpus = 1.0 if ray.cluster_resources().get("GPU") else 0.0
        return {"num_cpus": self.cpus, "num_gpus": gpus}


@contextmanager
def cluster() -> Iterator[Any]:
    """Ray, connected to the cluster of RAY_ADDRESS or of this machine.

    Raises:
        TargetError: There is none, or Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise TargetError("--ray needs Ray: pip install 'ifrs[ray]'") from error
    began = not ray.is_initialized()
    if began:
        try:
            ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise TargetError(
                "no Ray cluster answers: start one with ray start --head, or set RAY_ADDRESS"
            ) from error
    try:
        yield ray
    finally:
        if began:
            ray.shutdown()  # which ends what is under way, too
