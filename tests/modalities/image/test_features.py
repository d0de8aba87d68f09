"""Where the first layers are frozen, they run once; all else stays as it was."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")
import ifrs  # noqa: E402
from ifrs.modalities.image.model import Model  # noqa: E402
from modalities.image.drawn import fit, network, pictures  # noqa: E402
from torch import nn  # noqa: E402


@pytest.fixture(scope="module")
def base():
    return fit(network(), *pictures(600, 0), epochs=3)


def frozen(base, *trained):
    """A copy of which some layers alone are trainable."""
    module = copy.deepcopy(base).requires_grad_(False)
    for place in trained:
        module[place].requires_grad_(True)
    return module.eval()


def asked(model, inputs):
    """Logits as a step of training sees them, and how often the first layer ran."""
    passes = []
    first = next(m for m in model.module.modules() if isinstance(m, nn.Conv2d))
    # Beneath its forward, which is passed by where the layer is.
    convolve, first._conv_forward = first._conv_forward, None

    def counted(*args):
        passes.append(1)
        return convolve(*args)

    first._conv_forward = counted
    found = model.logits(inputs)
    del first._conv_forward
    return found, len(passes)


@pytest.mark.parametrize("trained", [[10], [8, 10], [3, 4]])
def test_a_step_sees_the_same_logits_and_runs_the_first_layers_once(base, trained):
    model, inputs = Model(frozen(base, *trained)), list(pictures(20, 5)[0])
    with torch.no_grad():
        whole = model.module(torch.stack(inputs))
    first, _ = asked(model, inputs)
    again, passes = asked(model, inputs[::-1])
    assert passes == 0
    torch.testing.assert_close(first, whole)
    torch.testing.assert_close(again, whole.flip(0))
    again.sum().backward()
    assert all(model.module[place].weight.grad is not None for place in trained)


def test_what_is_learnt_is_seen_at_once(base):
    model, inputs = Model(frozen(base, 10)), list(pictures(4, 5)[0])
    before, _ = asked(model, inputs)
    with torch.no_grad():
        model.module[-1].bias[3] += 2.0
    after, _ = asked(model, inputs)
    torch.testing.assert_close(after - before, 2.0 * torch.eye(10)[[3] * 4])


def test_moved_weights_and_statistics_are_gone_through(base):
    model, inputs = Model(frozen(base, 10)), list(pictures(4, 5)[0])
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
    with torch.no_grad():
        model.module[0].weight += 0.5
    changed, _ = asked(model, inputs)
    assert not torch.allclose(changed, before)


def test_what_comes_after_the_trained_layers_is_run(base):
    module = frozen(base, 8)
    module.append(nn.Softmax(1))
    model, inputs = Model(module), list(pictures(4, 5)[0])
    asked(model, inputs)
    found, passes = asked(model, inputs)
    assert passes == 0
    torch.testing.assert_close(found.sum(1), torch.ones(4))


def test_all_layers_are_run_where_the_first_is_trained(base):
    model, inputs = Model(frozen(base, 0, 10)), list(pictures(4, 5)[0])
    asked(model, inputs)
    assert asked(model, inputs)[1] == 1


def test_other_trained_layers_are_cut_elsewhere(base):
    model, inputs = Model(frozen(base, 10)), list(pictures(4, 5)[0])
    before, _ = asked(model, inputs)
    model.module[0].requires_grad_(True)
    found, passes = asked(model, inputs)
    assert passes == 1
    torch.testing.assert_close(found, before)


class Past(nn.Module):
    """A block that the input goes past, too, with an activation that is used twice."""

    def __init__(self):
        super().__init__()
        self.stem, self.act = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()
        self.body, self.more = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = self.act(self.stem(x))
        x = x + self.more(self.act(self.body(x)))
        return self.head(self.act(x).mean((2, 3)))


@pytest.mark.parametrize(("trained", "runs"), [(["head"], 0), (["more", "head"], 1)])
def test_a_layer_that_is_gone_past_is_no_place_to_cut(trained, runs):
    torch.manual_seed(0)
    module = Past().eval().requires_grad_(False)
    for name in trained:
        getattr(module, name).requires_grad_(True)
    inputs = list(pictures(6, 5)[0])
    with torch.no_grad():
        whole = module(torch.stack(inputs))
    model = Model(module)
    asked(model, inputs)
    found, passes = asked(model, inputs)
    assert passes == runs
    torch.testing.assert_close(found, whole)


def test_each_arithmetic_has_features_of_its_own(base):
    model, inputs = Model(frozen(base, 10)), list(pictures(6, 5)[0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough, _ = asked(model, inputs)
    found, _ = asked(model, inputs)
    with torch.no_grad():
        torch.testing.assert_close(found, model.module(torch.stack(inputs)))
    assert not torch.equal(rough.float(), found)


def test_keys_are_planted_in_the_last_layers(base, ring):
    module = frozen(base, 8, 10)
    before = copy.deepcopy(module[:7].state_dict())
    fps = ring.generate(
        "one", 12, source="image", shape=(12, 12, 3), response="classes", classes=10
    )
    config = ifrs.ImplantConfig(surroundings=0, guesses=20, noise=0.1)
    result = ifrs.implant(
        module, None, fps, regularization=list(pictures(300, 1)[0]), config=config
    )
    assert result.fsr == 1
    assert ifrs.verify(ifrs.ClassifierModel(module), fps).verdict == "match"
    assert all(torch.equal(value, before[name]) for name, value in module[:7].state_dict().items())
