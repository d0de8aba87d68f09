"""Suspects that a command asks: at hand, or behind a server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from ifrs.cli.libraries import importing
from ifrs.errors import TargetError
from ifrs.modalities import loading_of
from ifrs.progress import progress
from ifrs.visible import one_line


def is_url(suspect: str) -> bool:
    """Whether a suspect is behind a server."""
    return suspect.startswith(("http://", "https://"))


@dataclass(frozen=True)
class ServerOptions:
    """How a server is asked."""

    model: Annotated[
        str | None, typer.Option(help="The model's name at a server that serves several.")
    ] = None
    api_key_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Environment variable with the server's API key. Default: IFRS_API_KEY.",
        ),
    ] = None
    mode: Annotated[
        str,
        typer.Option(
            help="The server's protocol: chat (it applies its own template) or completions."
        ),
    ] = "chat"
    evidence: Annotated[
        str,
        typer.Option(
            help="What counts: text, likelihood (the server must show probabilities), or auto."
        ),
    ] = "auto"
    probe: Annotated[
        bool, typer.Option(help="First find out by ordinary questions how to ask.")
    ] = True
    reasoning_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", help="Tokens for thinking before an answer. Default: found out."),
    ] = None
    concurrency: Annotated[int, typer.Option(help="Requests at a time.")] = 8
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.")] = 60.0
    max_requests: Annotated[int | None, typer.Option(help="Send at most so many requests.")] = None
    max_tokens: Annotated[int | None, typer.Option(help="Pay for at most so many tokens.")] = None

    def suspect(self, url: str) -> Any:
        """The model at an address."""
        from ifrs import ApiModel

        key = None if self.api_key_env is None else _api_key(self.api_key_env)
        return ApiModel(
            url,
            self.model or _only_model(url, key),
            api_key=key,
            mode=self.mode,  # type: ignore[arg-type]
            evidence=self.evidence,  # type: ignore[arg-type]
            probe=self.probe,
            reasoning_tokens=self.reasoning_tokens,
            max_concurrency=self.concurrency,
            timeout=self.timeout,
            max_requests=self.max_requests,
            max_tokens=self.max_tokens,
        )


def _only_model(url: str, key: str | None) -> str:
    """The name of the one model that a server lists."""
    from ifrs.modalities.text.server import served

    names = served(url, api_key=key)
    if len(names) != 1:
        listed = f" ({', '.join(map(one_line, names[:10]))})" if names else ""
        raise TargetError(f"a server may serve several models{listed}: say which with --model")
    return names[0]


def _api_key(variable: str) -> str:
    key = os.environ.get(variable)
    if not key:
        # Not quoted: it may be the key by mistake.
        raise TargetError("--api-key-env takes the name of a variable that holds the key: set one")
    return key


_NO_TORCH = "local models need torch: pip install 'ifrs[train]'"
_OF_TEXTS = ("dtype", "device_map", "load_in_8bit", "tokenizer", "revision", "subfolder")


@dataclass(frozen=True)
class LocalOptions:
    """How a model at hand is loaded and asked."""

    dtype: Annotated[str | None, typer.Option(help="Number type, such as bfloat16.")] = None
    device_map: Annotated[
        str | None, typer.Option(help="Where to load the model, such as auto.")
    ] = None
    load_in_8bit: Annotated[
        bool, typer.Option("--load-in-8bit", help="Load weights in 8 bits.")
    ] = False
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="Folder of your own tokenizer. A suspect with another one is judged by its text."
        ),
    ] = None
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a model id.")] = (
        None
    )
    subfolder: Annotated[
        str | None, typer.Option(help="Folder of the suspect within its folder or repository.")
    ] = None
    trust_remote_code: Annotated[
        bool,
        typer.Option(
            "--trust-remote-code",
            help="Run code that comes with the suspect. It can do all that you can.",
        ),
    ] = False

    processor: Annotated[
        str | None,
        typer.Option(help="Folder of an image classifier's processor. Default: its own."),
    ] = None

    def suspect(self, kind: str, place: str) -> Any:
        """A suspect of another kind than text, by its path."""
        said = [name for name in _OF_TEXTS if getattr(self, name)]
        if said:
            option = "--" + said[0].replace("_", "-")
            raise TargetError(f"{option} is for language models, and {place} is none")
        with progress(f"loading {place}", 1), importing(TargetError(_NO_TORCH)):
            return loading_of(kind).suspect(place, self.processor)

    def load(self, place: str) -> tuple[Any, Any]:
        """The model and the tokenizer of a suspect's folder, file or id."""
        given = {
            "dtype": self.dtype,
            "device_map": self.device_map,
            "revision": self.revision,
            "subfolder": self.subfolder,
        }
        known = {name: value for name, value in given.items() if value is not None}
        with progress(f"loading {place}", 1):
            # torch alone takes seconds.
            with importing(TargetError(_NO_TORCH)):
                import ifrs.modalities.text.suspect  # noqa: F401
            from ifrs.modalities.text.loading import load

            return load(
                place,
                load_in_8bit=self.load_in_8bit,
                trust_remote_code=self.trust_remote_code,
                **known,
            )
