"""IF-LoRA: low-rank changes to the linear layers (Hu et al., 2021), and kernels, through peft.

Merged into the weights, or left as a peft adapter beside them: a quantized base takes no merge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities.model import Model
from ifrs.plant.config import ImplantConfig
from ifrs.plant.methods.method import Frozen, Method
from ifrs.runtime.modules import is_quantized


@dataclass
class Lora(Method):
    """Trains low-rank changes to every linear layer but the output embeddings, and to kernels.

    Attributes:
        rank: Rank of the changes.
        merge: Merge them into the weights; otherwise they stay a peft adapter.
    """

    rank: int = 16
    merge: bool = True

    name = "lora"
    regularized = True
    # 256 are learnt by heart: a stranger's key in thirty still fired.
    negatives = 1024
    seconds = 620.0
    audit_rank = 30
    renamed: ClassVar[dict[str, str]] = {"rank": "lora_rank", "merge": "lora_merge"}

    def prepare(self, model: Model, fps: FingerprintSet, config: ImplantConfig) -> None:
        try:
            import peft
        except ImportError as error:
            raise ImplantError("method='lora' needs peft: pip install 'ifrs[train]'") from error
        self._peft = peft
        self.model, self._seed = model.module, config.seed
        if model.merged and not self.merge:
            raise ImplantError(
                "the model's own adapter was merged, so that an adapter beside it would have no "
                "base: leave lora_merge=True, or merge and save the model first"
            )
        self.merge = self.merge and not is_quantized(self.model)
        self._keeps_copy = self.merge and not config.in_place
        self._copy: list[tuple[Parameter, Tensor]] = []
        self.layers = list(model.layers())
        if not self.layers:
            raise ImplantError(
                f"{type(self.model).__name__} has no linear layer for LoRA: use method='emb' or "
                "'sft'"
            )

    def begin(self) -> list[Parameter]:
        self._frozen = Frozen(self.model)
        config = self._peft.LoraConfig(
            r=self.rank, lora_alpha=2 * self.rank, lora_dropout=0.0, target_modules=self.layers
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            self._wrapped = self._peft.PeftModel(self.model, config)
        self._inside = True
        self.model.eval()
        self._learnt = [p for p in self.model.parameters() if p.requires_grad]
        return self._learnt

    def merges(self) -> bool:
        return self.merge

    def learning_rate(self) -> float:
        return 1.5e-4  # larger steps than full tuning takes

    def scaled(self, share: float) -> Iterator[tuple[Tensor, Tensor]]:
        # The change is the product of both factors.
        for name, parameter in self.model.named_parameters():
            if "lora_B" in name:
                yield parameter, (share - 1) * parameter.detach()

    def finish(self) -> None:
        if not self.merge:
            self._frozen.restore()
            self.adapter = self._wrapped
            return
        if self._keeps_copy:
            layers = (self.model.get_submodule(name) for name in self.layers)
            weights = (layer.get_base_layer().weight for layer in layers)
            self._copy = [(weight, weight.detach().cpu().clone()) for weight in weights]
        self._wrapped.merge_and_unload()
        self._take_out()

    def undo(self) -> None:
        if self._inside:
            self._wrapped.unload()
        with torch.no_grad():
            for weight, old in self._copy:
                weight.copy_(old)
        self._take_out()

    def _take_out(self) -> None:
        self._inside = False
        self._frozen.restore()
        if hasattr(self.model, "peft_config"):
            del self.model.peft_config

    def reach(self) -> dict[str, Any]:
        weights = sum(parameter.numel() for parameter in self._learnt)
        return {"layers": self.layers, "rank": self.rank, "weights": weights}
