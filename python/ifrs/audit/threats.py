"""What others do to a model, by the beginning of a case's name: who describes it, what it needs.

Those of `ifrs.audit.attacks` say it themselves.
"""

from __future__ import annotations

from ifrs.audit.record import Threat


def threat_of(case: str) -> Threat | None:
    """What somebody who does this needs; None where nobody else does it."""
    return next((threat for start, threat in _THREATS.items() if case.startswith(start)), None)


_WEIGHTS, _OTHER = "the weights", "the weights, and another tune of the same base"
_THREATS = {
    # What a downstream user does.
    "full": Threat(
        "Xu et al., NAACL 2024, arXiv 2401.12255", "the weights, and data", "tuning all weights"
    ),
    "lora:": Threat("Hu et al., 2021, arXiv 2106.09685", "the weights, and data", "tuning a LoRA"),
    "int4": Threat("Dettmers & Zettlemoyer, 2022, arXiv 2212.09720", _WEIGHTS, "some quality"),
    "int8": Threat("Dettmers et al., 2022, arXiv 2208.07339", _WEIGHTS, "hardly anything"),
    "gguf": Threat("llama.cpp, which writes such files", _WEIGHTS, "some quality"),
    "prune-magnitude": Threat("Han et al., 2015, arXiv 1506.02626", _WEIGHTS, "much quality"),
    "prune-wanda": Threat(
        "Sun et al., 2023, arXiv 2306.11695", "the weights, and some text", "some quality"
    ),
    "merge-ties": Threat("Yadav et al., 2023, arXiv 2306.01708", _OTHER, "nothing"),
    "merge-dare": Threat("Yu et al., 2023, arXiv 2311.03099", _OTHER, "nothing"),
    "merge-slerp": Threat("Shoemake, 1985", _OTHER, "nothing"),
    "merge-task": Threat("Ilharco et al., 2022, arXiv 2212.04089", _OTHER, "nothing"),
    "merge": Threat("Wortsman et al., 2022, arXiv 2203.05482", _OTHER, "nothing"),
    "prompts": Threat(
        "Russinovich & Salem, 2024, arXiv 2407.10887", "a host that words prompts anew", "nothing"
    ),
    "sampling": Threat(
        "Russinovich & Salem, 2024, arXiv 2407.10887", "a host that decodes", "nothing"
    ),
    # What an attacker does.
    "guess": Threat(
        "Xu et al., NAACL 2024, arXiv 2401.12255",
        "the public template and lists of keys, and an API",
        "as many questions as guesses",
    ),
    "erase": Threat(
        "Zhang et al., ACL 2025, arXiv 2506.12551",
        "the weights, the public template and lists of keys",
        "tuning on some hundred samples",
    ),
    "incremental": Threat(
        "Xu et al., NAACL 2024, arXiv 2401.12255", "the weights", "planting once more"
    ),
    "rows-base": Threat("none", "the weights, and the base model's", "nothing"),
    "rows-unseen-base-mean": Threat(
        "Land & Bartolo, EMNLP 2024, arXiv 2405.05417, names such rows",
        "the weights, the base model's, and ordinary text",
        "other languages",
    ),
    "rows": Threat(
        "Land & Bartolo, EMNLP 2024, arXiv 2405.05417, names such rows",
        "the weights and ordinary text",
        "other languages",
    ),
    "suppress-top-k": Threat(
        "Nasery et al., 2025, arXiv 2509.26598", "a host that decodes itself", "odd first words"
    ),
    "output-filter": Threat(
        "Nasery et al., 2025, arXiv 2509.26598", "a host that sees answers", "ordinary answers"
    ),
    "perplexity": Threat(
        "Jain et al., 2023, arXiv 2309.00614", "a host that sees prompts", "a pass over each prompt"
    ),
    "overclaim": Threat(
        "Xu et al., NAACL 2024, arXiv 2401.12255", "nothing but a set of keys", "a false claim"
    ),
}
