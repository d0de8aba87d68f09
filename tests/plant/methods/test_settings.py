"""A method's options as text: each as its own kind, and a clear word on what is none."""

import ifrs
import pytest

pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("domain", ["strength=0.5", "weights=all"], ifrs.Domain(strength=0.5, weights="all")),
        ("domain", ["bias=3", "resume=state"], ifrs.Domain(bias=3.0, resume="state")),
        ("lora", ["rank=8", "merge=false"], ifrs.Lora(rank=8, merge=False)),
        ("emb", [], ifrs.Emb()),
    ],
)
def test_settings_are_a_methods_options(name, settings, expected):
    from ifrs.plant.methods.settings import method_with

    made = method_with(name, ifrs.ImplantConfig(), settings)
    assert (type(made), made) == (type(expected), expected)
    assert isinstance(getattr(made, "bias", 1.0), float)


def test_what_the_configuration_says_stays():
    from ifrs.plant.methods.settings import method_with

    made = method_with("lora", ifrs.ImplantConfig(lora_rank=4), ["merge=false"])
    assert made == ifrs.Lora(rank=4, merge=False)


@pytest.mark.parametrize(
    ("name", "setting", "said"),
    [
        ("domain", "strength", "'strength' is no setting of domain: write NAME=VALUE"),
        ("domain", "force=1", "It has these: bias, steps, "),
        ("domain", "steps=2.5", "steps must be a whole number, not '2.5'"),
        ("domain", "bias=much", "bias must be a number, not 'much'"),
        ("lora", "merge=1", "merge must be true or false, not '1'"),
        ("domain", "strength=2", r"strength must lie in \(0, 1\], not 2.0"),
        ("none", "rank=1", "unknown method 'none'"),
    ],
)
def test_what_is_no_setting(name, setting, said):
    from ifrs.plant.methods.settings import method_with

    with pytest.raises(ValueError, match=said):
        method_with(name, ifrs.ImplantConfig(), [setting])
