"""The main job on a real model of another kind, end to end."""

from __future__ import annotations

# Name: module with `parts(say) -> Parts`, which makes or loads the base model in under a minute.
KINDS = {
    "image": "ifrs.demo.kinds.image",
}
