"""`ifrs demo`: the main job on a real model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ifrs.cli.options import Json
from ifrs.cli.output import EXIT_NO, print_facts, print_json, say
from ifrs.errors import IfrsError
from ifrs.progress import quiet_libraries


def command(
    out: Annotated[Path, typer.Option(help="Folder for everything it writes.")] = Path("demo-out"),
    as_json: Json = False,
) -> None:
    """Keep, plant and prove on the real Gemma 3 270M base model."""
    try:
        from ifrs import demo
    except ImportError as error:
        raise IfrsError("the demo is an extra: pip install 'ifrs[demo]'") from error
    quiet_libraries()
    summary = demo.run(out, lambda line: say(line, err=as_json))
    print_json(summary) if as_json else print_facts(summary)
    proved = summary["verdict_fingerprinted"] == "match" and summary["verdict_base"] != "match"
    if not proved:
        raise typer.Exit(EXIT_NO)
