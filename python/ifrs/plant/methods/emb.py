"""IF-emb: only the input embedding rows of the keys' own tokens are trained.

A text without one of those tokens gives bit-identical logits: no other row, no other weight and
no output row changes. Tied output embeddings are untied for that. With `tied` the rows serve as
output rows, too, and the model can be saved as it came, with one table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch.nn import Parameter

from ifrs._core import FingerprintSet
from ifrs.modalities.model import Model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.methods.method import Form
from ifrs.plant.methods.outputs import Outputs, Served
from ifrs.plant.methods.row_adapter import save_rows
from ifrs.plant.methods.rows import RowMethod


@dataclass
class Emb(RowMethod):
    """Trains a change to some rows of the input embeddings, beside the frozen model.

    Attributes:
        tied: Let them serve as output rows, too, where the model has one table for both.
    """

    tied: bool = False

    name = "emb"
    seconds = 105.0
    audit_rank = 0
    renamed: ClassVar[dict[str, str]] = {"tied": "tied"}
    form_names = frozenset({"peft", "tied", "untied"})

    def prepare(self, model: Model, fps: FingerprintSet, config: ImplantConfig) -> None:
        super().prepare(model, fps, config)
        self._face, self._fps = model, fps
        self._outputs: Outputs | None = None
        self._served: Served | None = None

    def begin(self) -> list[Parameter]:
        parameters = super().begin()
        if self.tied and self._is_tied():
            # How a model's logits come about is found out once, before anything is put there.
            self._face.margins(self._face.fingerprints(self._fps)[:1])
            states = self._face.final_states()
            self._outputs = Outputs(self._output, self.rows, self.planted, states, self._seed)
        return parameters

    def takes_partitions(self) -> bool:
        return not self.tied

    def _unties(self) -> bool:
        return super()._unties() and not self.tied

    def hold(self) -> float:
        return 0.0 if self._outputs is None else self._outputs.hold()

    def holds(self) -> bool:
        return self._outputs is None or self._outputs.holds()

    def finish(self) -> None:
        if self._outputs is not None:
            self._served = self._outputs.served()
        super().finish()

    def _detach(self) -> None:
        if self._outputs is not None:
            self._outputs.close()
            self._outputs = None
        super()._detach()

    def forms(self) -> dict[str, Form]:
        """The rows alone, as peft loads them; and one table for input and output, as the base's."""
        forms: dict[str, Form] = {"peft": self._save_rows}
        return {**forms, "tied": self._save_tied} if self._served else forms

    def _save_rows(self, folder: Path, _: Callable[[Path], None]) -> None:
        save_rows(self.model, self.rows, self.planted().detach().to(self.old.dtype), folder)

    def _save_tied(self, folder: Path, save: Callable[[Path], None]) -> None:
        with self.one_table():
            save(folder)

    def reach(self) -> dict[str, Any]:
        """The same, and what a model is on ordinary text that is read as tied."""
        found = super().reach()
        return found if self._served is None else {**found, "tied": asdict(self._served)}
