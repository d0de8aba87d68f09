"""Statistics of normalization layers as whoever trains on would have them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.modalities.image.model import Model  # noqa: E402
from ifrs.plant.training.hardening import Noise  # noqa: E402
from ifrs.plant.training.statistics import Statistics, followed  # noqa: E402
from ifrs.runtime.examples import Example  # noqa: E402


@pytest.fixture
def module():
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(4 * 16, 3)).eval()


@pytest.fixture
def ordinary():
    inputs = torch.rand(40, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    return [Example(given, [0]) for given in inputs]


def test_they_are_those_of_ordinary_inputs_within_and_the_old_ones_after(module, ordinary):
    before = {name: value.clone() for name, value in module.state_dict().items()}
    shift = Statistics(Model(module), ordinary, seed=0)
    with torch.no_grad():
        seen = module[0](torch.stack([example.prompt for example in ordinary]))
    with shift.applied(1.0):
        torch.testing.assert_close(module[1].running_mean, seen.mean(dim=(0, 2, 3)))
        torch.testing.assert_close(module[1].running_var, seen.var(dim=(0, 2, 3)))
        assert not module[1].training
    with shift.applied(0.5):
        torch.testing.assert_close(module[1].running_mean, seen.mean(dim=(0, 2, 3)) / 2)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module[1].momentum == 0.1


def test_they_come_back_after_an_error(module, ordinary):
    before = module[1].running_var.clone()
    broken = [*ordinary, Example(torch.zeros(2, 2), [0])]
    shift = Statistics(Model(module), broken, seed=0)
    with pytest.raises(Exception, match="shape"), shift.applied(1.0):
        pass
    assert torch.equal(module[1].running_var, before)
    assert (module[1].training, module[1].momentum) == (False, 0.1)


def test_layers_without_running_statistics_are_left_alone(module):
    plain = torch.nn.BatchNorm2d(4, track_running_stats=False)
    assert followed(Model(torch.nn.Sequential(module, plain))) == [module[1]]


def test_noise_is_a_share_of_each_layers_spread_and_drawn_anew(module):
    old = module[3].weight.detach().clone()
    bias, noise, drawn = (
        module[3].bias.detach().clone(),
        Noise(list(module.modules()), 0.5, seed=0),
        [],
    )
    for _ in range(2):
        with noise.applied(1.0):
            drawn.append(module[3].weight.detach() - old)
            assert torch.equal(module[3].bias, bias)
        assert torch.equal(module[3].weight, old)
    assert not torch.equal(*drawn)
    assert float(drawn[0].std() / old.std()) == pytest.approx(0.5, rel=0.2)
