"""IF-emb: only the input embedding rows of the keys' own tokens are trained.

A text without one of those tokens gives bit-identical logits: no other row, no other weight and
no output row changes. Tied output embeddings are untied for that.
"""

from __future__ import annotations

from ifrs.plant.methods.rows import RowMethod


class Emb(RowMethod):
    """Trains a change to some rows of the input embeddings, beside the frozen model."""

    name = "emb"
    seconds = 105.0
    audit_rank = 0
