"""A sweep on this machine: servers side by side, models one after the other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from ifrs.sweep.shares import Stopped

T = TypeVar("T")


class Crew:
    """Threads that take work in order, and end early together.

    They are daemons: a second Ctrl-C leaves at once, as a kill would.
    """

    def __init__(self, size: int) -> None:
        """Say how many threads there may be."""
        self._size = size
        self._stop, self._failed = threading.Event(), list[BaseException]()

    def stopped(self) -> bool:
        """Whether no further key is to be spent, and no further work begun."""
        return self._stop.is_set()

    def run(
        self, work: Callable[[T], None], items: Sequence[T], on_stop: Callable[[], None]
    ) -> None:
        """Do the work for all items.

        Args:
            work: What is done for one item; it may raise `Stopped`.
            items: They are begun in this order.
            on_stop: Called once where the work ends early, to wake whoever waits.

        Raises:
            BaseException: The first that the work raised, or KeyboardInterrupt; in both cases what
                had begun has ended.
        """
        waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
        for item in items:
            waiting.put(item)

        def stop() -> None:
            self._stop.set()
            on_stop()

        def take() -> None:
            try:
                while not self.stopped():
                    work(waiting.get_nowait())
            except (queue.Empty, Stopped):
                pass
            except BaseException as error:
                self._failed.append(error)
                stop()
            finally:
                with ended:
                    busy.pop()
                    ended.notify()

        # Not `join`: up to Python 3.12 a thread whose join was interrupted counts as ended.
        ended, busy = threading.Condition(), list[None]()

        def wait() -> None:
            with ended:
                ended.wait_for(lambda: not busy)

        try:
            for _ in range(min(self._size, len(items))):
                busy.append(None)
                threading.Thread(target=take, daemon=True).start()
            wait()
        except KeyboardInterrupt:
            stop()
            wait()
            raise
        if self._failed:
            raise self._failed[0]
