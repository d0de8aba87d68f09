"""Which requests are tried again, and after how long; `tenacity` waits, counts and ends it."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenacity import AsyncRetrying, RetryCallState

LONGEST_HOLD = 120.0  # seconds; a request that must wait longer is given up
# Seconds before the second attempt, before any later one, and at most on top of either by chance.
_FIRST, _LONGEST, _CHANCE = 0.5, 8.0, 0.25
# What may pass: the server was too slow, another request held what was needed, or there were too
# many. All from 500 on may, too.
_PASSING = (408, 409, 429)


@dataclass(frozen=True)
class Received:
    """An answer: its status, its whole body, and of its headers those that are heeded here."""

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def asks_to_wait(self) -> float | None:
        """Seconds until the server wants to be asked again; None where it does not say."""
        for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
            try:
                seconds = float(self.headers[name]) / unit
            except (KeyError, ValueError):
                continue
            return seconds if math.isfinite(seconds) and seconds > 0 else None
        return _until(self.headers.get("retry-after", ""))

    @property
    def may_pass(self) -> bool:
        """Whether another attempt may fare better."""
        if self.ok or (self.asks_to_wait or 0) > LONGEST_HOLD:
            return False
        said = self.headers.get("x-should-retry")  # OpenAI's own
        if said in ("true", "false"):
            return said == "true"
        return self.status in _PASSING or self.status >= 500


def _until(date: str) -> float | None:
    """Seconds until an HTTP date; None where it is none, or has passed."""
    try:
        seconds = email.utils.parsedate_to_datetime(date).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return seconds if seconds > 0 else None


def retrying(max_retries: int, errors: tuple[type[Exception], ...]) -> AsyncRetrying:
    """What calls a function that gives a `Received`, again while that may help.

    The last attempt's answer is returned, or its error raised.

    Args:
        max_retries: Attempts after the first one.
        errors: Of which kind an error is that another attempt may not meet.
    """
    import tenacity

    backoff = tenacity.wait_exponential_jitter(_FIRST, _LONGEST, jitter=_CHANCE)

    def pause(state: RetryCallState) -> float:
        outcome = state.outcome
        if outcome is None or outcome.failed:
            return backoff(state)
        asked: float | None = outcome.result().asks_to_wait
        return backoff(state) if asked is None else asked

    def last(state: RetryCallState) -> Received:
        assert state.outcome is not None
        received: Received = state.outcome.result()
        return received

    return tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(max_retries + 1),
        wait=pause,
        retry=tenacity.retry_if_exception_type(errors)
        | tenacity.retry_if_result(lambda received: received.may_pass),
        retry_error_callback=last,
    )
