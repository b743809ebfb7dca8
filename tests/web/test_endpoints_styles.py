"""The endpoints that draw with several references, in mixed styles, in amounts, and in every style there is."""

from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageChops

from stylizer.settings import RenderSettings
from tests.fakes import FakeStylizer
from tests.web.page_clients import Serve, check_sentence, same, stylize
from tests.web.page_pictures import blank, face

PRESETS = ["Ink", "Oil"]


def test_amounts_and_a_second_style_reach_the_engine(serve: Serve, tmp_path: Path) -> None:
    client, target = serve(FakeStylizer(presets=PRESETS)), face(tmp_path / "t.png", "pink")
    amounts = {"likeness": 0.8, "shape": 1.5, "texture": 0.5, "color": 0.3}
    picture, info = stylize(client, target=target, style="Ink", strength=0.7, **amounts)
    direct = FakeStylizer(presets=PRESETS)
    ink, oil = direct.find_style("Ink"), direct.find_style("Oil")
    assert same(picture, direct.stylize(target, ink, RenderSettings(0.7, **amounts)).image)
    assert set(info["score"]) == {"person", "style", "identity", "inversion_identity", "suggested_strength"}
    assert 0 <= info["score"]["person"] <= 1
    for share, style in ((0, ink), (1, oil), (0.25, direct.blend(ink, oil, 0.25))):
        picture, info = stylize(client, target=target, style="Ink", blend="Oil", mix_ratio=share)
        assert same(picture, direct.stylize(target, style).image), share
        assert info["style"]["name"] == "Ink"
    score = direct.judge(oil, direct.stylize(target, ink).inverted)(direct.stylize(target, ink).image)
    _, info = stylize(client, target=target, style="Ink")
    assert info["score"]["identity"] == pytest.approx(score.identity)
    assert info["score"]["style"] == pytest.approx(score.style)


def test_what_is_left_empty_means_the_default(serve: Serve, tmp_path: Path) -> None:
    client, target = serve(FakeStylizer(presets=PRESETS)), face(tmp_path / "t.png", "pink")
    empty = dict.fromkeys(
        ("strength", "likeness", "shape", "texture", "color", "blend", "mix_ratio", "references", "inversion_mode")
    )
    picture, _ = stylize(client, target=target, style="Ink", **empty)
    assert same(picture, stylize(client, target=target, style="Ink")[0])


@pytest.fixture(scope="module")
def inky(serve_all: Serve) -> Client:
    """A page that no test changes."""
    return serve_all(FakeStylizer(presets=PRESETS))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"shape": 3}, "shape"),
        ({"texture": "rough"}, "texture"),
        ({"color": -1}, "color"),
        ({"likeness": 1.5}, "likeness"),
        ({"blend": "Pastel"}, "No style is called Pastel"),
        ({"blend": "Oil", "mix_ratio": 2}, "mix ratio"),
        ({"blend": "Oil", "mix_ratio": "half"}, "mix ratio"),
    ],
)
def test_bad_amounts_give_one_sentence(inky: Client, tmp_path: Path, given: dict[str, Any], said: str) -> None:
    assert said in check_sentence(inky, str(tmp_path), target=face(tmp_path / "t.png", "pink"), style="Ink", **given)


def test_several_references_make_one_style(serve: Serve, tmp_path: Path) -> None:
    fake = FakeStylizer()
    client, target = serve(fake), face(tmp_path / "t.png", "pink")
    first, second = face(tmp_path / "one.png", "navy"), face(tmp_path / "two.png", "orange")
    direct = FakeStylizer()
    style, _ = direct.learn([first, second])
    picture, info = stylize(client, reference=first, references=[handle_file(second)], target=target)
    assert info["style"]["key"] == style.key
    assert same(picture, direct.stylize(target, style).image)
    assert not same(picture, stylize(client, reference=first, target=target)[0])
    picture, info = stylize(client, references=[handle_file(first), handle_file(second)], target=target)
    assert info["style"]["key"] == style.key
    learnt = client.predict(handle_file(first), "Both", more=[handle_file(second)], api_name="/train")
    assert learnt["style"] == {"key": style.key, "name": "Both", "trained": False}
    nobody = handle_file(blank(tmp_path / "nobody.png"))
    assert "“nobody.png”" in check_sentence(client, str(tmp_path), reference=first, references=[nobody], target=target)
    assert len(fake.trained) == 2


def test_try_all_draws_every_style(serve: Serve, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=[*PRESETS, *(f"Style {n}" for n in range(30))])
    client, target = serve(fake), face(tmp_path / "t.png", "pink")
    drawn = client.predict(handle_file(target), "fast", 0.8, api_name="/try_all")
    assert [one["name"] for one in drawn[:2]] == PRESETS
    assert len(drawn) == 24
    assert fake.calls.count("invert") == 1
    direct = FakeStylizer(presets=PRESETS)
    inversion = direct.invert(direct.align(target), "fast")
    for one in drawn[:2]:
        style = direct.find_style(one["key"])
        wanted = direct.render(inversion, style, RenderSettings(0.8)).resize((512, 512), Image.Resampling.LANCZOS)
        with Image.open(one["file"]["path"] if isinstance(one["file"], dict) else one["file"]) as picture:
            assert picture.format == "JPEG"
            gone = ImageChops.difference(picture.convert("RGB"), wanted).resize((16, 16), Image.Resampling.BOX)
        assert max(high for _, high in gone.getextrema()) < 8


def test_try_all_says_what_is_wrong(serve: Serve, tmp_path: Path) -> None:
    client, target = serve(FakeStylizer()), face(tmp_path / "t.png", "pink")
    with pytest.raises(AppError, match="no style to try"):
        client.predict(handle_file(target), api_name="/try_all")
    client = serve(FakeStylizer(presets=PRESETS))
    for given, said in (
        ((None,), "photo"),
        ((handle_file(target), "deep"), "refined"),
        ((handle_file(target), "fast", 9), "strength"),
    ):
        with pytest.raises(AppError, match=said):
            client.predict(*given, api_name="/try_all")
    assert client.predict(handle_file(target), None, None, api_name="/try_all")
