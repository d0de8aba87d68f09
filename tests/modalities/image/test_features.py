"""Where the last layer alone is trained, what it sees is computed once; all else stays."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")
from ifrs.modalities.image.model import Model  # noqa: E402
from modalities.image.drawn import fit, network, pictures  # noqa: E402


@pytest.fixture(scope="module")
def base():
    return fit(network(), *pictures(600, 0), epochs=3)


def alone(base):
    """A copy of which the last layer alone is trainable."""
    module = copy.deepcopy(base).requires_grad_(False)
    module[-1].requires_grad_(True)
    return module.eval()


def asked(model, inputs):
    """Logits as a step of training sees them, and how often the first layer ran."""
    passes = []
    hook = model.module[0].register_forward_pre_hook(lambda *_: passes.append(1))
    found = model.logits(inputs)
    hook.remove()
    return found, len(passes)


def test_a_step_sees_the_same_logits_and_runs_the_other_layers_once(base):
    model, inputs = Model(alone(base)), list(pictures(20, 5)[0])
    with torch.no_grad():
        whole = model.module(torch.stack(inputs))
    first, _ = asked(model, inputs)
    again, passes = asked(model, inputs[::-1])
    assert passes == 0
    torch.testing.assert_close(first, whole)
    torch.testing.assert_close(again, whole.flip(0))
    again.sum().backward()
    assert model.module[-1].weight.grad is not None


def test_what_is_learnt_is_seen_at_once(base):
    model, inputs = Model(alone(base)), list(pictures(4, 5)[0])
    before, _ = asked(model, inputs)
    with torch.no_grad():
        model.module[-1].bias[3] += 2.0
    after, _ = asked(model, inputs)
    torch.testing.assert_close(after - before, 2.0 * torch.eye(10)[[3] * 4])


def test_moved_weights_and_statistics_are_gone_through(base):
    model, inputs = Model(alone(base)), list(pictures(4, 5)[0])
    before, _ = asked(model, inputs)
    for tensor in (model.module[0].weight, model.module[1].running_mean):
        held = tensor.data
        tensor.data = held + 0.5
        moved, passes = asked(model, inputs)
        assert passes == 1
        assert not torch.allclose(moved, before)
        tensor.data = held
    again, passes = asked(model, inputs)
    assert passes == 0
    torch.testing.assert_close(again, before)


def test_all_layers_are_run_where_others_are_trained_or_come_after(base):
    for change in (lambda m: m[0].requires_grad_(True), lambda m: m.append(torch.nn.Softmax(1))):
        module = alone(base)
        change(module)
        model, inputs = Model(module), list(pictures(4, 5)[0])
        asked(model, inputs)
        assert asked(model, inputs)[1] == 1
