"""A tiny base model with a set planted by `emb`, and every attack's unit run on it."""

from __future__ import annotations

import pytest
from audit.conftest import PLANTING, SMALL
from helpers import fixed_keyring

pytest.importorskip("torch")
from ifrs.audit import runner
from ifrs.audit.attacks import ATTACKS
from ifrs.audit.bench import Bench
from ifrs.audit.planting import plant
from ifrs.audit.settings import Given
from ifrs.audit.subject import folder


@pytest.fixture(scope="package")
def bench(tmp_path_factory, base, tokenizer):
    place = tmp_path_factory.mktemp("attacked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IFRS_STATE_DIR", str(place))
        fps = fixed_keyring(place).generate("one", 4, tokenizer=tokenizer)
        found = Bench(folder(base), fps, place / "out", Given(settings=SMALL, planting=PLANTING))
        plant(found, "emb", "emb", fps)
    return found


@pytest.fixture(scope="package")
def run(bench):
    """Runs the unit of an attack by its case, and returns its record; once each."""
    known = {attack.case: attack for attack in ATTACKS}
    done: dict[str, object] = {}

    def of(case: str):
        if case not in done:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("IFRS_DEBUG", "1")
                done[case] = runner.run_unit(bench, known[case].unit(bench, "emb", 6))
        return done[case]

    return of
