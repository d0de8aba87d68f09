"""Which key goes to which server: OpenAI's never to a suspect, none over a network in clear."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import MutableMapping, Set
from dataclasses import dataclass, field
from urllib.parse import SplitResult

API_KEY = "IFRS_API_KEY"
_OPENAI_KEY = "OPENAI_API_KEY"
# Who pays there, by the header that says so.
_OPENAI_PAYERS = {"openai-organization": "OPENAI_ORG_ID", "openai-project": "OPENAI_PROJECT_ID"}
_OPENAI = "api.openai.com"
# Where a URL says whom to ask, two readers of it must not differ.
_AMBIGUOUS = re.compile(r"[\s\\\x00-\x1f\x7f]")


def check_address(parts: SplitResult) -> None:
    """Refuse an address that another reader may take for another server's.

    Raises:
        ValueError: It is such an address, or none at all.
    """
    url = parts.geturl()
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("base_url must be an address like http://localhost:8000/v1")
    if _AMBIGUOUS.search(url) or parts.netloc.count("@") > 1:
        raise ValueError("base_url must be an address without spaces, backslashes or a second @")


@dataclass
class Credential:
    """The key for one server.

    Attributes:
        key: The key; None for none.
        openai: Whether the server is OpenAI's own.
        loopback: The server's host where it is this machine; else None.
        plain: Whether requests are to this machine without https: no proxy or certificate counts.
    """

    key: str | None = field(repr=False)
    openai: bool
    loopback: str | None
    plain: bool

    @classmethod
    def of(cls, parts: SplitResult, given: str | None) -> Credential:
        """Choose the key for an address.

        Raises:
            ValueError: The key would go over a network in clear, or no header can carry it.
        """
        host = parts.hostname or ""
        openai = host == _OPENAI or host.endswith("." + _OPENAI)
        key = given if given is not None else _ambient(openai)
        key = (key or "").strip() or None
        if key is not None and not (key.isascii() and key.isprintable()):
            raise ValueError("the API key holds characters that no header can carry")
        loopback = host if _is_loopback(host) else None
        secret = key is not None or parts.username is not None or parts.password is not None
        if secret and parts.scheme != "https" and loopback is None:
            raise ValueError(
                "an API key or password goes over https, or to this machine: use https://, or ask "
                f"without one (unset {API_KEY})"
            )
        return cls(key, openai, loopback, loopback is not None and parts.scheme == "http")

    def put_into(self, headers: MutableMapping[str, str], sent: Set[str]) -> None:
        """Put the key into a request's headers, and take out what was not asked for.

        Organisation and project are for OpenAI alone. Cookies, which a server sets to know its
        client again, are for nobody.
        """
        for name in list(headers):
            if name.lower() not in sent:
                del headers[name]
        headers.pop("authorization", None)
        if self.key is not None:
            headers["authorization"] = f"Bearer {self.key}"
        if self.openai:
            for name, variable in _OPENAI_PAYERS.items():
                if payer := os.environ.get(variable, "").strip():
                    headers[name] = payer

    def unproxied(self) -> dict[str, None] | None:
        """Hosts that are asked without a proxy of the environment: this machine.

        A proxy would see keys and prompts in clear.
        """
        if self.loopback is None:
            return None
        host = f"[{self.loopback}]" if ":" in self.loopback else self.loopback
        return {f"all://{host}": None}


def _ambient(openai: bool) -> str | None:
    return os.environ.get(API_KEY) or (os.environ.get(_OPENAI_KEY) if openai else None)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
