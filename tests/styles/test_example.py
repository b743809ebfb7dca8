"""Examples in styles and their files, and what is no example."""

import io
import lzma
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from stylizer.backbones.base import mean_code
from stylizer.backbones.packing import unpack, with_example
from stylizer.inversion.code import Inversion
from stylizer.library.archive import read_archive
from stylizer.settings import RenderSettings
from stylizer.styles.example import Example
from stylizer.styles.lending import lend
from stylizer.styles.mixing import blend
from stylizer.styles.person import Person
from stylizer.styles.render import draw
from stylizer.styles.style import Style, load_style, parse_style, save_style
from stylizer.weights.load import Networks


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), float)


def test_from_its_tensors_it_is_the_same(example: Example, drawn: Image.Image, person: Person) -> None:
    again = Example.from_tensors(example.to_tensors())
    assert (again.face, again.natural, again.likeness) == (example.face, example.natural, example.likeness)
    assert lend(again, drawn, person.mesh_xyz, person, 1.0).tobytes() == (
        lend(example, drawn, person.mesh_xyz, person, 1.0).tobytes()
    )
    assert len(example.face) < 100_000


def _picture(format_: str, size: tuple[int, int]) -> Tensor:
    content = io.BytesIO()
    Image.new("RGB", size).save(content, format_)
    return torch.from_numpy(np.frombuffer(content.getvalue(), np.uint8).copy())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t.pop("natural"),
        lambda t: t.update(more=t["face"]),
        lambda t: t.update(face=t["face"][: len(t["face"]) // 2]),
        lambda t: t.update(face=_picture("PNG", (64, 64))),
        lambda t: t.update(face=_picture("WEBP", (64, 32))),
        lambda t: t.update(face=_picture("WEBP", (2048, 2048))),
        lambda t: t.update(hair=_picture("PNG", (64, 64))),
        lambda t: t.update(hair=t["face"].float()),
        lambda t: t.update(natural=t["natural"].float()),
        lambda t: t.update(meshes=t["meshes"][:-1]),
        lambda t: t.update(meshes=t["meshes"].half()),
        lambda t: t.update(meshes=t["meshes"] * float("nan")),
        lambda t: t.update(meshes=torch.zeros(468, 7)),
        lambda t: t.update(likeness=torch.tensor([7.0])),
    ],
)
def test_what_is_no_example_is_refused(example: Example, spoil: Callable[[dict[str, Tensor]], None]) -> None:
    tensors = example.to_tensors()
    spoil(tensors)
    with pytest.raises(ValueError, match="its example"):
        Example.from_tensors(tensors)


@pytest.fixture(scope="module")
def style(networks: Networks, example: Example) -> Style:
    """A change too small to be seen, with the example."""
    delta = {n: torch.zeros_like(p).half() for n, p in networks.backbone.generator.named_parameters() if "to_rgb" in n}
    return Style("0" * 32, "lent", delta, {"format": 4}, ((example, 1.0),))


def test_a_style_keeps_its_example_in_its_file(networks: Networks, style: Style, tmp_path: Path) -> None:
    save_style(style, tmp_path / "s")
    found = load_style(tmp_path / "s")
    mean = Inversion(mean_code(networks.backbone).clone(), "refined")
    pictures = [draw(networks, mean, each, RenderSettings()) for each in (style, found)]
    assert pictures[0].tobytes() == pictures[1].tobytes()
    without = draw(networks, mean, replace(style, examples=()), RenderSettings())
    assert np.abs(pixels(pictures[0]) - pixels(without)).max() > 50


def test_a_style_can_go_without_the_face_of_its_reference(style: Style, example: Example, tmp_path: Path) -> None:
    save_style(style, tmp_path / "s")
    archive = read_archive(tmp_path / "s")
    bare = archive.without_example()
    assert example.face in lzma.decompress(archive.tensors) and example.face not in lzma.decompress(bare.tensors)
    found, whole = (parse_style(each.card, each.tensors, "It") for each in (bare, archive))
    assert found.examples == () and len(whole.examples) == 1 and found.key == whole.key
    assert all(torch.equal(found.delta[name], change) for name, change in whole.delta.items())
    again = bare.without_example()
    assert (again.card, again.tensors) == (bare.card, bare.tensors)


def test_another_example_leaves_the_changes_as_they_are(style: Style, example: Example, tmp_path: Path) -> None:
    """Packed again they would be rounded twice."""
    save_style(style, tmp_path / "s")
    tensors = read_archive(tmp_path / "s").tensors
    other = replace(example, likeness=0.1)
    changed = with_example(tensors, other.to_tensors())
    (delta, found), (before, _) = unpack(changed), unpack(tensors)
    assert delta.keys() == before.keys() and all(torch.equal(delta[name], before[name]) for name in before)
    assert Example.from_tensors(found).likeness == np.float32(0.1)
    assert with_example(changed, example.to_tensors()) == tensors


@pytest.mark.parametrize(
    "settings", [RenderSettings(0), RenderSettings(texture=0), RenderSettings(likeness=1)], ids=repr
)
def test_who_wants_no_hand_or_all_of_the_person_gets_no_example(
    networks: Networks, style: Style, settings: RenderSettings
) -> None:
    mean = Inversion(mean_code(networks.backbone).clone(), "refined")
    without = replace(style, examples=((style.examples[0][0], 0.0),))
    one, other = (draw(networks, mean, each, settings) for each in (style, without))
    assert one.tobytes() == other.tobytes()


def test_of_two_styles_each_lends_its_share(style: Style) -> None:
    plain = replace(style, examples=(), name="plain")
    for ratio in (0.0, 0.3, 1.0):
        assert [share for _, share in blend(style, plain, ratio).examples] == [1 - ratio]
        assert [share for _, share in blend(plain, style, ratio).examples] == [ratio]
    assert [share for _, share in blend(style, style, 0.25).examples] == [0.75, 0.25]
