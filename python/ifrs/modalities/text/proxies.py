"""Proxies and certificates of the environment: what cannot be used is named as the cause."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ifrs.errors import TargetError

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_CERTIFICATES = ("ssl_cert_file", "ssl_cert_dir")


@contextmanager
def named_cause() -> Iterator[None]:
    """Whatever the environment makes impossible in the HTTP client becomes a TargetError.

    Variables are named, and never quoted: a proxy's address can hold a password.

    Raises:
        TargetError: A proxy or a certificate of the environment cannot be used.
    """
    try:
        yield
    except ImportError:
        raise TargetError(
            f"{_set(_PROXIES)} names a SOCKS proxy, which needs socksio: pip install "
            "socksio, or unset it"
        ) from None
    except OSError:
        raise TargetError(
            f"{_set(_CERTIFICATES)} names no readable certificates: set it right, or unset it"
        ) from None
    except Exception:  # of any class, as its URLs are read
        raise TargetError(
            f"{_set(_PROXIES)} holds no address of a proxy such as http://host:8080 (a line break "
            "at its end is one cause): set it right, or unset it"
        ) from None


def _set(names: tuple[str, ...]) -> str:
    """Those of some variables that are set, by the names that they have in the environment."""
    found = [name for name in os.environ if name.lower() in names and os.environ[name]]
    return " or ".join(sorted(found)) or "the environment"
