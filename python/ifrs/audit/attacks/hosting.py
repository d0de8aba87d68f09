"""What a host that changes no weights leaves of a fingerprint, and of ordinary answers."""

from __future__ import annotations

from ifrs.audit.bench import Bench, Suspect
from ifrs.audit.changes.hosts import Hosted
from ifrs.audit.measures.fingerprints import verified
from ifrs.audit.record import Measure, share
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.surroundings import as_prompt

# Ordinary prompts, and what is read of their answers.
_ORDINARY, _ANSWER_TOKENS = 16, 16
WEIGHTS = "likelihood: of the weights, which the host leaves as they are"


def asked(bench: Bench, method: str, suspect: Suspect, hosted: Hosted) -> list[Measure]:
    """Evidence in text through the host, that of the weights, and ordinary answers it keeps."""
    found = verified(hosted, bench.fps, decoys=bench.settings.decoys)
    found += bench.likelihood(method, suspect)
    texts = bundled_instructions()[:_ORDINARY]
    prompts = [as_prompt(suspect.model.tokenizer, text) for text in texts]
    before = hosted.target.answers(prompts, max_new_tokens=_ANSWER_TOKENS)
    after = hosted.answers(prompts, max_new_tokens=_ANSWER_TOKENS)
    kept = sum(one == other for one, other in zip(before, after, strict=True))
    return [*found, share("answers_kept", kept, len(prompts))]
