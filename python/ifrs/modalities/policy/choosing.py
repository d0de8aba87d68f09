"""What acts in whatever a user passes as a policy."""

from __future__ import annotations

from typing import Any

from torch import nn

from ifrs.modalities.policy.acting import Acting, Plain, Recurrent
from ifrs.modalities.policy.stable import Stable, policy_of
from ifrs.runtime.modules import accepted_arguments
from ifrs.runtime.workers import unwrapped


def acting(policy: Any) -> Acting:
    """How something acts.

    Raises:
        ValueError: It has no weights that can be seen, or acts in a way that is not known.
    """
    if (found := policy_of(policy)) is not None:
        return Stable(found)
    module = unwrapped(policy)
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"a {type(policy).__name__} is no policy whose weights can be seen: pass a torch "
            "module from observations to logits of actions, or a policy of Stable-Baselines3"
        )
    return Recurrent(module) if "state" in accepted_arguments(module) else Plain(module)
