"""Keys shared out: no two servers get one key, and each gets few."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.keyring import Keyring, Spending

_POWER = 0.8  # below it silence is "inconclusive", see `judge`
_MOST = 1000  # keys that a server gets


class Stopped(Exception):
    """The sweep was interrupted before a key was spent."""


class Share(Keyring):
    """A keyring as one suspect may use it: keys that are not in its share count as spent."""

    def __init__(
        self,
        fps: FingerprintSet,
        keys: Iterable[int],
        ring: Keyring | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take some keys of a set; without a keyring, which is where none is sent away."""
        self._name, self._ring, self._stopped = fps.name, ring, stopped
        self._others = sorted(set(range(len(fps))).difference(keys))

    @property
    def closed(self) -> bool:
        return False

    def __contains__(self, name: object) -> bool:
        return name == self._name

    def spent(self, name: str) -> list[int]:
        return self._others

    def spend_of(
        self,
        fps: FingerprintSet,
        indices: Iterable[int],
        target: str = "",
        event: Spending = "queried",
    ) -> list[int]:
        if self._stopped() or self._ring is None:
            raise Stopped
        return self._ring.spend_of(fps, indices, target, event)


def needs(fps: FingerprintSet, alpha: float, decoys: int) -> tuple[int, int]:
    """How many keys a server gets: the fewest that make a match, and the usual share.

    The share is the fewest keys under which silence says "no match": a descendant that answers
    half of them would have matched with a probability of 0.8.
    """
    text = fps.candidates("text", decoys)
    gain = _core.e_process_log10([[(1, of) for of in text]])[0]
    fewest = math.ceil(-math.log10(alpha) / gain - 1e-9)
    share = max(_clears(way, alpha) for way in (text, fps.candidates("likelihood", 0)) if way)
    return fewest, max(share, fewest)


def _clears(candidates: Sequence[int], alpha: float) -> int:
    for keys in range(1, _MOST):
        if _core.sequential_power(keys, candidates, alpha) >= _POWER:
            return keys
    return _MOST


class Shares:
    """Which keys of one set are for which server.

    Those that come first in the list are sure of a whole share from the beginning. What they leave
    over goes to the next ones, in order, and the last may get less.

    Attributes:
        wants: The most keys that each server gets, in the servers' order.
        fewest: With fewer keys there is no match, so that none is spent.
        free: How many keys there were to share out.
        sure: The servers that have a share from the beginning.
        unsure: Those that do not.
    """

    def __init__(self, free: Sequence[int], wants: Mapping[str, int], fewest: int) -> None:
        """Share out the keys that are free.

        Args:
            free: The keys that nobody has seen, in order.
            wants: The most keys that each server gets, in the servers' order.
            fewest: How many a match needs.
        """
        self._left, self.free, self.fewest = list(free), len(free), fewest
        self.wants, self._order = dict(wants), {name: i for i, name in enumerate(wants)}
        self._given: dict[str, list[int]] = {}
        self._waiting: set[str] = set()
        self._changed = threading.Condition()
        self._stopped = False
        for name, want in wants.items():
            if want > len(self._left):
                break
            self._give(name, want)
        self.sure = list(self._given)
        self.unsure = [name for name in wants if name not in self._given]

    def take(self, name: str) -> list[int]:
        """A server's keys; waits for what others may leave over.

        Returns:
            Its share; none where too few are left for a match.

        Raises:
            Stopped: The sweep was interrupted.
        """
        with self._changed:
            if name not in self._given:
                self._waiting.add(name)
                self._changed.wait_for(lambda: self._stopped or self._may(name))
                self._waiting.discard(name)
            if self._stopped:
                raise Stopped
            if name not in self._given:
                want = self.wants[name]
                some = min(want, len(self._left))
                self._give(name, some if some >= min(want, self.fewest) else 0)
            self._changed.notify_all()
            return self._given[name]

    def give_back(self, name: str, unspent: Sequence[int]) -> None:
        """Take back what a server was not asked."""
        with self._changed:
            self._given[name] = []
            self._left = sorted({*self._left, *unspent})
            self._changed.notify_all()

    def stop(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def left(self) -> int:
        """How many keys are in nobody's share."""
        return len(self._left)

    def _give(self, name: str, count: int) -> None:
        self._given[name], self._left = self._left[:count], self._left[count:]

    def _may(self, name: str) -> bool:
        first = min(self._waiting, key=self._order.__getitem__) == name
        out = any(self._given.values())
        return first and (len(self._left) >= self.wants[name] or not out)
