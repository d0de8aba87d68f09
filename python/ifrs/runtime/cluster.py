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

    def __post_init__(self) -> None:
        """Refuse what is no room.

        Raises:
            ValueError: Cores are none, or devices less than none.
        """
        if self.cpus <= 0 or (self.gpus or 0) < 0:
            raise ValueError("a task takes cores, and 0 GPUs or more: mend --ray-cpus, --ray-gpus")

    def on(self, ray: Any) -> dict[str, float]:
        """The same as Ray takes it, on the cluster as it is now."""
        gpus = self.gpus
        if gpus is None:
            gpus = 1.0 if ray.cluster_resources().get("GPU") else 0.0
        return {"num_cpus": self.cpus, "num_gpus": gpus}

    def slots(self, ray: Any) -> int:
        """How many such tasks the nodes hold at the same time."""
        wanted = self.on(ray)
        alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return sum(
            int(
                min(
                    node.get(kind, 0.0) / wanted[name]
                    for kind, name in (("CPU", "num_cpus"), ("GPU", "num_gpus"))
                    if wanted[name]
                )
            )
            for node in alive
        )

    def require(self, ray: Any) -> None:
        """Refuse what would wait for ever.

        Raises:
            TargetError: No node has so much room.
        """
        if not self.slots(ray):
            wanted = self.on(ray)
            raise TargetError(
                f"no node of the cluster has {wanted['num_cpus']:g} cores and "
                f"{wanted['num_gpus']:g} GPUs for a task: ask for less (--ray-cpus, --ray-gpus)"
            )


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
