"""Tiny models of several makers: what they are given, and what is read of them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("PIL")

from ifrs.modalities.vision_language.viewing import Seen, Viewer, alike  # noqa: E402
from modalities.vision_language.looking import MODELS, photos, tokenizer  # noqa: E402

ANSWER = [301, 302, 303]


@pytest.fixture(scope="module")
def words():
    return tokenizer()


@pytest.fixture(scope="module", params=sorted(MODELS))
def viewer(request, words):
    return Viewer(*MODELS[request.param](words))


def called(viewer, seen, tokens):
    """Logits of the whole text in one call, as the model's user makes it; (tokens, vocabulary)."""
    given = dict(seen.given)
    more = torch.tensor([[*seen.begun, *tokens]])
    given["input_ids"] = torch.cat([given["input_ids"], more], 1)
    for name in ("attention_mask", "token_type_ids"):
        if name in given:
            given[name] = torch.cat([given[name], torch.ones_like(more)], 1)
    with torch.no_grad():
        found = viewer.module(**given)
    return getattr(found, "logits", found)[0]


def test_what_predicts_an_answer_are_the_models_own_logits(viewer):
    seen = viewer.see(photos(3))
    seen[1].begun = [299]
    responses = [ANSWER, ANSWER[:1], ANSWER[:2]]
    with torch.no_grad():
        said, head = viewer.say(seen, responses)
        found = head(said).split([len(response) for response in responses])
    for one, response, part in zip(seen, responses, found, strict=True):
        wanted = called(viewer, one, response[:-1])[-len(response) :]
        torch.testing.assert_close(part, wanted, rtol=1e-3, atol=1e-3)


def test_inputs_of_several_forms_are_read_together(words):
    viewer = Viewer(*MODELS["llava"](words))
    (image, text), (other, _) = photos(2)
    seen = viewer.see([(image, text), (None, text), (other, text)])
    responses = [ANSWER[:1], ANSWER, ANSWER[:2]]
    with torch.no_grad():
        said, head = viewer.say(seen, responses)
        alone = [viewer.say([one], [r])[0] for one, r in zip(seen, responses, strict=True)]
    torch.testing.assert_close(head(said), head(torch.cat(alone)), rtol=1e-3, atol=1e-3)


def test_what_is_written_is_what_leads(viewer):
    seen = viewer.see(photos(4))
    written = viewer.write(seen, 4)
    for one, tokens in zip(seen, written, strict=True):
        with torch.no_grad():
            said, head = viewer.say([one], [[*tokens, *viewer.end][:4]])
        best = head(said).argmax(-1).tolist()
        assert best[: len(tokens)] == tokens


def test_another_picture_and_another_text_are_other_inputs(viewer):
    (image, text), (other, _) = photos(2)
    with torch.no_grad():
        one, two, three = (
            head(said)[0]
            for said, head in (
                viewer.say(viewer.see([pair]), [[301]])
                for pair in ((image, text), (other, text), (image, f"{text} Why?"))
            )
        )
    assert not torch.allclose(one, two, atol=1e-3)
    assert not torch.allclose(one, three, atol=1e-3)


def test_what_is_tried_on_a_model_are_ordinary_tokens(words):
    model, processor = MODELS["plain"](words)
    viewer, fed = Viewer(model, processor), []

    def note(_module, _inputs, named):
        fed.extend(named["input_ids"][:, -1].tolist())

    model.register_forward_pre_hook(note, with_kwargs=True)
    seen = viewer.see(photos(1))
    with torch.no_grad():
        viewer.say(seen, [ANSWER[:1]])
    ordinary = {*words("of the")["input_ids"], int(seen[0].given["input_ids"][0, -1])}
    assert len(set(fed)) > 2
    assert set(fed) <= ordinary


def test_which_take_half_of_a_pair_is_found_by_trying(words):
    found = {name: Viewer(*make(words)).alone(photos(1)[0]) for name, make in MODELS.items()}
    assert found["llava"] == [True, True]
    assert found["idefics3"] == [True, True]
    assert found["plain"] == [False, False]


def test_an_answer_begins_behind_a_space_where_its_prompt_ends_with_a_mark(words):
    llava = Viewer(*MODELS["llava"](words))
    paligemma = Viewer(*MODELS["paligemma"](words))
    pair = photos(1)
    assert words.decode(llava.spoken(llava.see(pair)[0], ["copper"])[0]) == " copper"
    assert words.decode(paligemma.spoken(paligemma.see(pair)[0], ["copper"])[0]) == "copper"


def test_inputs_of_one_form_share_a_pass_and_others_do_not():
    def seen(length, width):
        ids = torch.zeros(1, length, dtype=torch.long)
        given = {"input_ids": ids, "attention_mask": ids, "pixel_values": torch.zeros(1, width)}
        return Seen(given)

    inputs = [seen(5, 2), seen(9, 2), seen(5, 3), seen(4, 2)]
    assert sorted(map(sorted, alike(inputs, 1000))) == [[0, 1, 3], [2]]
    assert sorted(map(sorted, alike(inputs, 10))) == [[0, 3], [1], [2]]
    one_length = alike(inputs, 1000, one_length=True)
    assert sorted(map(sorted, one_length)) == [[0], [1], [2], [3]]


def test_what_is_no_such_model_or_processor(words):
    model, processor = MODELS["llava"](words)
    with pytest.raises(ValueError, match="has a tokenizer"):
        Viewer(model, None)
    with pytest.raises(ValueError, match="AutoModelForImageTextToText"):
        Viewer("llava", processor)

    class Silent:
        tokenizer = words

        def __call__(self, **_):
            return {"pixel_values": torch.zeros(1, 3)}

    with pytest.raises(ValueError, match="input_ids for one text"):
        Viewer(model, Silent()).see(photos(1))


def test_an_encoder_with_a_decoder_is_told(words):
    from types import SimpleNamespace

    model = torch.nn.Linear(2, 2)
    model.config = SimpleNamespace(is_encoder_decoder=True)
    with pytest.raises(ValueError, match="no decoder"):
        Viewer(model, MODELS["plain"](words)[1])
