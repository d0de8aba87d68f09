"""Tasks of lm-eval."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
from ifrs.modalities.text.model import Model


@pytest.mark.slow
def test_tasks_of_lm_eval_from_own_files(tmp_path, tiny, tokenizer):
    pytest.importorskip("lm_eval")
    from ifrs.audit.measures.lm_eval import compare_tasks
    from ifrs.audit.record import Skip

    lines = [
        json.dumps({"q": f"Is {k} even?", "choices": ["yes", "no"], "gold": k % 2}) + "\n"
        for k in range(6)
    ]
    (tmp_path / "even.jsonl").write_text("".join(lines))
    (tmp_path / "even.yaml").write_text(
        "task: even\n"
        "dataset_path: json\n"
        f"dataset_kwargs:\n  data_files:\n    test: {tmp_path}/even.jsonl\n"
        "test_split: test\noutput_type: multiple_choice\n"
        'doc_to_text: "{{q}}"\ndoc_to_choice: "{{choices}}"\ndoc_to_target: "{{gold}}"\n'
        "metric_list:\n  - metric: acc\n"
    )
    base, other = Model(tiny(), tokenizer), Model(tiny(seed=1), tokenizer)
    found = {m.metric: m for m in compare_tasks(base, other, "even", 6, str(tmp_path))}
    assert found["accuracy"].n == 6
    assert found["accuracy_difference"].low <= found["accuracy_difference"].value
    same = {m.metric: m for m in compare_tasks(base, base, "even", 6, str(tmp_path))}
    assert same["accuracy_difference"].value == 0
    with pytest.raises(Skip, match="lm-eval"):
        compare_tasks(base, base, "no-such-task", 6, None)
