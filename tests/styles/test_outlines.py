"""Outlines: read from a reference that draws them, drawn along a person, and nowhere else; cards of anybody."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from stylizer.faces.mesh_parts import CHIN
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.outlines import Outline, mixed_outlines, outlined, outlines_from, outlines_of
from stylizer.styles.pairs import Reference
from stylizer.styles.person import Person
from stylizer.styles.regions import Regions

SIDE = 1024
INK = (-0.8, -0.6, -0.7)
STEPS = torch.arange(SIDE) + 0.5
AWAY = ((STEPS - 512)[None] ** 2 + (STEPS - 512)[:, None] ** 2).sqrt()
FIGURE = (AWAY < 380).float()[None, None]


def drawing(width: float, within: float = 380) -> torch.Tensor:
    """A pale disc on paper, with a line of so many pixels just within its outline."""
    paper = torch.where(AWAY < 380, 0.4, 0.7).expand(3, SIDE, SIDE)
    ink = torch.tensor(INK)[:, None, None].expand_as(paper)
    return torch.where((within > AWAY) & (within - width < AWAY), ink, paper)[None]


def like(reference: Reference, picture: torch.Tensor) -> Reference:
    ground = 1 - F.interpolate(FIGURE, size=reference.regions.ground.shape[-1], mode="area")
    return replace(reference, full=picture, regions=replace(reference.regions, ground=ground))


def of_disc(person: Person) -> Person:
    """Somebody of one colour, all body, of the disc's outline."""
    small = person.regions.face.shape[-1]
    body = F.interpolate(FIGURE, size=small, mode="area")
    nothing = torch.zeros_like(body)
    rest = {"face": nothing, "parts": nothing, "inner": nothing, "mouth": nothing, "hair": nothing}
    return Person(drawing(0), person.mesh_xyz, Regions(**rest, body=body, ground=1 - body), nothing)


@pytest.mark.parametrize("width", [5, 9])
def test_a_line_is_read_as_wide_and_as_dark_as_it_is(reference: Reference, width: int) -> None:
    found = outlines_of(like(reference, drawing(width)))
    assert len(found) == 1 and found[0].amount == 1
    assert found[0].ink == pytest.approx(INK, abs=0.15)
    assert found[0].width * SIDE == pytest.approx(width, abs=2.5)


def test_a_line_beside_the_segmentations_edge_is_found_too(reference: Reference) -> None:
    assert outlines_of(like(reference, drawing(8, within=372)))[0].amount == 1


def test_an_edge_without_a_line_and_a_shadow_are_no_outline(reference: Reference) -> None:
    assert outlines_of(like(reference, drawing(0))) == []
    shaded = drawing(0) - 0.9 * ((AWAY - 280) / 100).clamp(0, 1) * FIGURE
    assert outlines_of(like(reference, shaded)) == []


def inked(
    outlines: list[Outline], plain: Image.Image, person: Person, amount: float = 1.0, jaw: float = 0.0
) -> Image.Image:
    return outlined(outlines, plain, person.mesh_xyz, person, amount, jaw=jaw)


def test_it_is_drawn_along_the_person_and_nowhere_else(person: Person) -> None:
    outline = Outline(INK, 8 / SIDE, 1.0)
    plain = to_image(drawing(0))
    after, before = (to_tensor(each)[0].mean(0) for each in (inked([outline], plain, of_disc(person)), plain))
    line = (AWAY > 374) & (AWAY < 378)
    assert float((after[line] - np.mean(INK)).abs().mean()) < 0.15
    for elsewhere in (AWAY < 362, AWAY > 388):
        assert float((after - before)[elsewhere].abs().max()) < 0.02
    assert inked([], plain, person) is plain and inked([outline], plain, person, amount=0.0) is plain


def test_what_is_darker_than_ink_stays(person: Person) -> None:
    black = Image.new("RGB", (SIDE, SIDE))
    assert np.array_equal(inked([Outline(INK, 0.01, 1.0)], black, of_disc(person)), black)


def test_clothes_get_lines_where_they_have_edges(person: Person) -> None:
    """A lapel: darker on one side of an edge, which is inked on that side."""
    somebody = of_disc(person)
    full = somebody.full.clone()
    full[..., 640:760, 520:700] = -0.3
    plain = to_image(drawing(0))
    after = to_tensor(inked([Outline(INK, 8 / SIDE, 1.0)], plain, replace(somebody, full=full)))[0].mean(0)
    before = to_tensor(plain)[0].mean(0)
    assert float((before - after)[660:740, 522:530].mean()) > 0.5
    assert float((before - after)[660:740, 500:512].mean()) < 0.05 > float((before - after)[680:720, 580:640].mean())


def test_a_face_has_a_contour_where_the_style_draws_jaws(person: Person) -> None:
    x, y = person.mesh_xyz[CHIN, :2].astype(int)
    plain = Image.new("RGB", (SIDE, SIDE), (200, 200, 200))
    none, half, whole = (
        to_tensor(inked([Outline(INK, 8 / SIDE, 1.0)], plain, person, jaw=jaw))[0, :, y - 3 : y + 4, x].mean()
        for jaw in (0.0, 0.5, 1.0)
    )
    assert float(none) > 0.5 > float(half) > float(whole) and float(whole) < 0


def test_a_blend_draws_both_as_far_as_they_are_shared() -> None:
    one, other = Outline(INK, 0.01, 1.0), Outline((0.0, 0.0, 0.0), 0.004, 0.5)
    assert mixed_outlines([one], [other], 0.25) == [replace(one, amount=0.75), replace(other, amount=0.125)]
    assert mixed_outlines([one], [other], 0.0) == [one] and mixed_outlines([one], [other], 1.0) == [other]


def test_a_card_gives_back_what_was_written() -> None:
    outline = Outline(INK, 0.01, 0.5)
    assert outlines_from([outline.to_json()]) == (outline,)
    assert outlines_from([]) == ()


@pytest.mark.parametrize(
    "facts",
    [
        None,
        {},
        [1],
        [{"ink": [0, 0, 0], "width": 0.01}],
        [{"ink": [0, 0], "width": 0.01, "amount": 1.0}],
        [{"ink": [0, 0, float("nan")], "width": 0.01, "amount": 1.0}],
        [{"ink": [0, 0, 0], "width": 1.0, "amount": 1.0}],
        [{"ink": [0, 0, 0], "width": 0.01, "amount": True}],
        [{"ink": [0, 0, 0], "width": 0.01, "amount": 2.0}],
    ],
)
def test_a_card_that_says_nothing_sensible_is_refused(facts: Any) -> None:
    with pytest.raises(ValueError, match="outline"):
        outlines_from(facts)
