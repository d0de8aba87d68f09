"""What a stranger's model brings about while it is loaded or asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ifrs.errors import IfrsError, TargetError

_LONGEST = 300  # characters of a library's reason


@contextmanager
def suspicious(what: str, *, quote: bool) -> Iterator[None]:
    """Whatever a suspect brings about in the libraries that handle it becomes a TargetError.

    Args:
        what: What cannot be done then.
        quote: Whether to say what the library said; not where that may quote a key.
    """
    try:
        yield
    except (IfrsError, KeyboardInterrupt, GeneratorExit):
        raise
    # All others: a stranger's files fail in ways that nobody can list, some of which are no
    # Exception, such as a panic of the tokenizers.
    except BaseException as error:
        raise TargetError(f"{what}: {_reason(error, quote)}") from error


def _reason(error: BaseException, quote: bool) -> str:
    name = type(error).__name__
    if isinstance(error, MemoryError) or "OutOfMemory" in name:
        return "out of memory: try dtype=bfloat16 (--dtype) or load_in_8bit (--load-in-8bit)"
    if quote and "trust_remote_code" in str(error):
        return (
            "it brings code of its own, which runs only if you say so: trust_remote_code=True "
            "(--trust-remote-code)"
        )
    said = str(error).strip().splitlines() if quote else []
    return said[0][:_LONGEST] if said else name
