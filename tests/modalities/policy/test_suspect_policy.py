"""Modules, files, callables and agents as policies that are asked."""

from __future__ import annotations

import ifrs
import numpy as np
import pytest

KEYS = [np.full((2, 4), i, np.float32) for i in range(3)]


class Scripted:
    """Takes an action by what it saw so far, as a recurrent policy of Stable-Baselines3 does."""

    def __init__(self):
        self.asked = []

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        self.asked.append((len(observation), bool(episode_start.all()), deterministic))
        state = observation[:, 0] if state is None else state + observation[:, 0]
        return state.astype(np.int64), state


def test_what_has_predict_is_asked_step_by_step_with_its_state():
    agent = Scripted()
    suspect = ifrs.PolicyModel(agent)
    assert suspect.labels(KEYS).tolist() == [[0, 0], [1, 2], [2, 4]]
    assert agent.asked == [(3, True, True), (3, False, True)]
    assert suspect.scores is None
    assert suspect.spends_keys


def test_callables_give_actions_or_scores():
    suspect = ifrs.PolicyModel(lambda seen: seen[:, 0].astype(int))
    assert suspect.labels(KEYS).tolist() == [[0, 0], [1, 1], [2, 2]]
    suspect = ifrs.PolicyModel(lambda seen: np.eye(4)[seen[:, 0].astype(int)], gives="scores")
    found = suspect.scores(KEYS)
    assert [part.shape for part in found] == [(3, 4), (3, 4)]
    assert found[1].argmax(axis=1).tolist() == [0, 1, 2]
    assert suspect.labels is None


def test_continuous_actions_go_into_bins():
    def steer(seen):
        return np.stack([seen[:, 0] - 1, np.full(len(seen), 7.0)], axis=1)

    suspect = ifrs.PolicyModel(steer, bins=4, bounds=([-1, 0], [1, 2]))
    # Step by step, each with both coordinates; what lies beyond a bound is in the last bin.
    assert suspect.labels(KEYS).tolist() == [[0, 3, 0, 3], [2, 3, 2, 3], [3, 3, 3, 3]]


def test_a_processor_sees_all_observations_as_one_batch():
    suspect = ifrs.PolicyModel(lambda seen: seen[:, 0].astype(int), lambda given: given[:, :2] + 1)
    assert suspect.labels(KEYS).tolist() == [[1, 1], [2, 2], [3, 3]]


@pytest.mark.parametrize(
    ("policy", "options", "says"),
    [
        (lambda seen: 3, {}, "no action for each"),
        (lambda seen: seen[:1, 0], {}, "no action for each"),
        (lambda seen: seen[:, 0] + 0.5, {}, "pass bins="),
        (lambda seen: seen[:, 0] * np.nan, {"bins": 2, "bounds": (0, 1)}, "no numbers"),
        (lambda seen: seen, {"bins": 2, "bounds": ([0] * 3, [1] * 3)}, "3 coordinate"),
    ],
)
def test_what_a_policy_must_not_give(policy, options, says):
    with pytest.raises(ifrs.TargetError, match=says):
        ifrs.PolicyModel(policy, **options).labels(KEYS)


def test_scores_must_be_rows():
    with pytest.raises(ifrs.TargetError, match="row of numbers"):
        ifrs.PolicyModel(lambda seen: seen[:, 0], gives="scores").scores(KEYS)


@pytest.mark.parametrize(
    ("policy", "options", "error", "says"),
    [
        (len, {"gives": "logits"}, ValueError, "scores or actions"),
        (7, {}, TypeError, "cannot be called"),
        (len, {"bins": 4}, ValueError, "bounds=\\(low, high\\)"),
        (len, {"bounds": (0, 1)}, ValueError, "pass bins"),
        (len, {"bins": 4, "bounds": (1, 0)}, ValueError, "lower ones first"),
    ],
)
def test_options_that_make_no_sense(policy, options, error, says):
    with pytest.raises(error, match=says):
        ifrs.PolicyModel(policy, **options)


def test_who_sees_keys():
    assert ifrs.PolicyModel(len).spends_keys
    assert not ifrs.PolicyModel(len, spends_keys=False).spends_keys
    remote = ifrs.PolicyModel(len, address="https://example.org")
    assert remote.describe() == {
        "kind": "callable",
        "name": "len",
        "address": "https://example.org",
    }


def test_a_module_is_asked_in_eval_mode_and_left_as_it_was():
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(4, 5)).train()
    suspect = ifrs.PolicyModel(module)
    assert (suspect.spends_keys, suspect.describe()["kind"]) == (False, "local")
    np.testing.assert_array_equal(suspect.scores(KEYS), suspect.scores(KEYS))
    assert [part.shape for part in suspect.scores(KEYS)] == [(3, 5), (3, 5)]
    assert module.training
    with pytest.raises(ValueError, match="gives scores"):
        ifrs.PolicyModel(module, gives="actions")
    with pytest.raises(ifrs.TargetError, match="does not take observations"):
        ifrs.PolicyModel(torch.nn.Linear(6, 5)).scores(KEYS)


def test_onnx_files(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    module, path = torch.nn.Linear(4, 5).eval(), tmp_path / "policy.onnx"
    torch.onnx.export(module, (torch.zeros(2, 4),), path, dynamo=False)
    suspect = ifrs.PolicyModel.from_onnx(path)
    assert not suspect.spends_keys
    assert suspect.describe() == {"kind": "local", "name": "policy.onnx"}
    ours = ifrs.PolicyModel(module).scores(KEYS)
    np.testing.assert_allclose(suspect.scores(KEYS), ours, atol=1e-5)
    steering = ifrs.PolicyModel.from_onnx(path, bins=3, bounds=(-1, 1))
    assert steering.labels(KEYS).shape == (3, 10)
    with pytest.raises(ifrs.TargetError, match="cannot read"):
        ifrs.PolicyModel.from_onnx(tmp_path / "none.onnx")
    with pytest.raises(ifrs.TargetError, match="does not take observations"):
        suspect.scores([np.zeros((1, 7), np.float32)])


def test_without_onnx_runtime(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ifrs.TargetError, match="pip install"):
        ifrs.PolicyModel.from_onnx("policy.onnx")


def test_one_way_to_load_a_zip():
    with pytest.raises(TypeError, match="like="):
        ifrs.PolicyModel.from_zip("policy.zip")
