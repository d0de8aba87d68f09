"""An audit of Gemma 3 270M with a keyring of its own, and nothing else needed.

python -m ifrs.demo.audit --out audit-out [--data DIR] [--quick] [--minutes 145]
    [--results docs/results/results.md]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ifrs.audit.results.markdown import write_results
from ifrs.audit.runner import Audit, audit
from ifrs.audit.subject import folder
from ifrs.demo.keyring import own_keyring
from ifrs.progress import quiet_libraries

_SET = "audit"


def run(
    out: Path,
    *,
    data: Sequence[Path] = (),
    quick: bool = False,
    budget: float | None = None,
    suites: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Audit:
    """Make a keyring in `out` if there is none, and audit the demo's base model with it.

    What `audit` takes, it takes; `budget` is in seconds.
    """
    from ifrs.demo.gemma import assemble, base_model

    say("base model: Gemma 3 270M (the first run converts it, about a minute)")
    base = base_model()
    with own_keyring(out, _SET, base) as ring:
        fps = ring[_SET]
        return audit(
            folder(base, base_gguf=assemble),
            fps,
            out,
            data=data,
            quick=quick,
            budget=budget,
            suites=suites,
            methods=methods,
            say=say,
        )


def main() -> int:
    """The command of this module's head; exit code 2 if units failed, or are left without limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("audit-out"))
    parser.add_argument("--data", type=Path, action="append", default=[], help="file or folder")
    parser.add_argument("--quick", action="store_true", help="what fits a quarter of an hour")
    parser.add_argument("--minutes", type=float, help="stop after so many, the most telling first")
    parser.add_argument("--suite", action="append", help="only this suite")
    parser.add_argument("--method", action="append", help="only this method")
    parser.add_argument("--results", type=Path, help="write the results here, as Markdown")
    options = parser.parse_args()
    quiet_libraries()
    found = run(
        options.out,
        data=[place for place in options.data if str(place) not in ("", ".")],
        quick=options.quick,
        budget=None if options.minutes is None else 60 * options.minutes,
        suites=options.suite,
        methods=options.method,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    if options.results is not None:
        given = " ".join(["DATA=…"] if options.data else [])
        target = "audit-quick" if options.quick else "audit"
        write_results(options.out, options.results, f"make {target} {given}".strip())
    print(options.out / "audit.html")
    bad = [record for record in found.records if record.status == "failed"]
    limited = options.quick or options.minutes is not None
    return 2 if bad or (found.left and not limited) else 0


if __name__ == "__main__":
    sys.exit(main())
