"""`ifrs audit`: what of a fingerprint survives, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ifrs.cli.access import Access
from ifrs.cli.libraries import importing
from ifrs.cli.options import Json, KeyringPath, SetName, examples
from ifrs.cli.output import EXIT_ERROR, print_json, say
from ifrs.cli.suspects import is_url
from ifrs.errors import TargetError

if TYPE_CHECKING:
    from ifrs._core import FingerprintSet
    from ifrs.audit import Cluster, Folder

EXAMPLES = examples(
    "ifrs audit my-model keyring.ifrs release-1 --out audit-out --quick",
    "ifrs audit my-model keyring.ifrs release-1 --out audit-out --method emb --data p3.jsonl",
    "ifrs audit release keyring.ifrs release-1 --out audit-out --base my-model",
    "ifrs audit my-model keyring.ifrs release-1 --out /shared/audit-out --ray --ray-cpus 8",
)


@dataclass(frozen=True)
class Spread:
    """Where units run."""

    ray: Annotated[
        bool,
        typer.Option(
            "--ray", help="Run units on the Ray cluster of RAY_ADDRESS, or of this machine."
        ),
    ] = False
    ray_cpus: Annotated[float, typer.Option(help="With --ray: cores for each unit.")] = 1.0
    ray_gpus: Annotated[
        float | None,
        typer.Option(help="With --ray: GPUs for each unit. Default: 1 where the cluster has any."),
    ] = None

    def require(self) -> None:
        """Say what is missing before the set leaves its keyring."""
        from ifrs.runtime.cluster import Room, cluster

        if self.ray:
            room = Room(self.ray_cpus, self.ray_gpus)
            with cluster() as ray:
                room.require(ray)

    def cluster(self, fps: FingerprintSet) -> Cluster | None:
        """The cluster, and the set for it."""
        from ifrs.audit import Cluster

        return Cluster.of(fps, cpus=self.ray_cpus, gpus=self.ray_gpus) if self.ray else None


def command(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL_OR_URL", help="The model's folder, or a server's address."),
    ],
    path: KeyringPath,
    name: SetName,
    out: Annotated[Path, typer.Option(help="Folder for records, tables, plots and the page.")],
    suite: Annotated[
        list[str] | None, typer.Option(help="Run this suite alone. May be repeated.")
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="Use this method alone. May be repeated.")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="A file or folder of instructions or multiple choice. May be repeated."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Measure what fits in a quarter of an hour.")
    ] = False,
    minutes: Annotated[float | None, typer.Option(help="Stop after so many minutes.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Run failed units again.")] = False,
    task: Annotated[
        list[str] | None, typer.Option(help="A task of lm-eval. May be repeated.")
    ] = None,
    task_files: Annotated[
        Path | None, typer.Option(help="A folder of your own task files for lm-eval.")
    ] = None,
    unrelated: Annotated[
        list[Path] | None, typer.Option(help="A model of another family. May be repeated.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="The base of a fingerprinted model, for comparison.")
    ] = None,
    adapter: Annotated[Path | None, typer.Option(help="The private adapter of the model.")] = None,
    server_model: Annotated[
        str, typer.Option("--server-model", help="The model's name at the server.")
    ] = "default",
    mode: Annotated[str, typer.Option(help="The server's protocol: chat or completions.")] = "chat",
    *,
    spread: Spread,
    access: Access,
    as_json: Json = False,
) -> None:
    """Measure what a fingerprint survives and what it costs.

    The same command with the same --out resumes an audit. A base model is fingerprinted by every
    method first. A fingerprinted folder or a server is audited as it is. Exit code 0: all planned
    units are measured; 2: some failed or are left. With --ray, units run at the same time on a
    cluster, whose nodes all see the model, the data and --out under the same paths.
    """
    with importing(TargetError("the audit needs torch: pip install 'ifrs[audit]'")):
        from ifrs.audit import Server, audit
    spread.require()
    asked = is_url(model)
    subject = Server(model, server_model, mode) if asked else _folder(model, base, adapter)
    with access.open(path) as ring:
        fps = ring[name]
        cluster = None if asked else spread.cluster(fps)
        if not asked:
            ring.close()  # models of others are loaded, and nothing is sent that would be recorded
        found = audit(
            subject,
            fps,
            out,
            suites=suite or None,
            methods=method or None,
            data=data or (),
            quick=quick,
            budget=None if minutes is None else 60 * minutes,
            retry=retry,
            ring=ring if asked else None,
            tasks=task or (),
            task_files=None if task_files is None else str(task_files),
            unrelated=unrelated or (),
            cluster=cluster,
            say=lambda line: say(line, err=True),
        )
    failed = [record.name for record in found.records if record.status == "failed"]
    if as_json:
        print_json([record.to_json() for record in found.records])
    else:
        say(f"{len(found.records)} records, {len(failed)} failed, {len(found.left)} left")
        say(out / "audit.html")
    if failed or found.left:
        raise typer.Exit(EXIT_ERROR)


def _folder(model: str, base: Path | None, adapter: Path | None) -> Folder:
    """A model folder as a subject; the demo's package has the GGUF file of the demo's model."""
    from ifrs.audit import folder
    from ifrs.demo import gemma

    found = folder(model, base=base, adapter=adapter)
    origin = found.path if found.method is None else found.base
    known = origin is not None and origin.name == gemma.NAME
    return replace(found, base_gguf=gemma.assemble) if known else found
