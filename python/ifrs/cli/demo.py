"""`ifrs demo`: the main job on a real model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ifrs.cli.libraries import importing
from ifrs.cli.options import Json, examples
from ifrs.cli.output import EXIT_NO, print_result, say
from ifrs.errors import IfrsError

EXAMPLES = examples(
    "ifrs demo --out demo-out",
    "ifrs demo --kind image --out image-out",
)


def command(
    out: Annotated[Path, typer.Option(help="Folder for everything that the demo writes.")] = Path(
        "demo-out"
    ),
    kind: Annotated[
        str, typer.Option(help="Kind of model: text, image, encoder or policy.")
    ] = "text",
    as_json: Json = False,
) -> None:
    """Keep, plant and prove on a real model.

    The model is Gemma 3 270M, or a small one of another kind. It comes from a package, and nothing
    is downloaded from a hub. Exit code 0: the planted model matches and its base does not.
    """

    def tell(line: str) -> None:
        say(line, err=as_json)

    if kind == "text":
        with importing(IfrsError("the demo is an extra: pip install 'ifrs[demo]'")):
            from ifrs import demo
        summary = demo.run(out, tell)
    else:
        with importing(IfrsError("demos of kinds are an extra: pip install 'ifrs[demo-kinds]'")):
            from ifrs.demo.kinds.run import run

            summary = run(kind, out, tell)
    print_result(summary, as_json)
    proved = summary["verdict_fingerprinted"] == "match" and summary["verdict_base"] != "match"
    if not proved:
        raise typer.Exit(EXIT_NO)
