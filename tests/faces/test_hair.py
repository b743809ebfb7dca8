"""Hair beyond the drawing's: followed by its colour, never into clothes, another's face or a dark ground."""

import pytest
import torch

from stylizer.faces.hair import HeadPlace, coloured_as_face, continue_hair, filled, find_hair

SIZE, PAD = 256, 96
SIDE = SIZE + 2 * PAD
PLACE = HeadPlace(mouth=0.68, chin=0.79, middle=0.5, half=0.2)
BROWN, SKIN, SKY, SUIT = (-0.7, -0.8, -0.85), (0.4, 0.1, -0.1), (0.3, 0.7, 0.65), (-0.7, -0.8, -0.8)


def maps() -> tuple[torch.Tensor, torch.Tensor]:
    """Columns and rows of the canvas in sides of the crop."""
    steps = (torch.arange(SIDE) + 0.5 - PAD) / SIZE
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    return columns, rows


def disc(x: float, y: float, radius: float) -> torch.Tensor:
    columns, rows = maps()
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def painted(
    *layers: tuple[torch.Tensor, tuple[float, float, float]], ground: tuple[float, float, float] = SKY
) -> torch.Tensor:
    photo = torch.tensor(ground)[:, None, None].expand(3, SIDE, SIDE).clone()
    for where, colour in layers:
        photo = torch.where(where, torch.tensor(colour)[:, None, None], photo)
    return photo[None]


def at(field: torch.Tensor, x: float, y: float) -> float:
    return float(field[0, 0, round(PAD + y * SIZE), round(PAD + x * SIZE)])


def found(photo: torch.Tensor, drawn: torch.Tensor, person: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    hair = find_hair(photo, drawn.float()[None, None], person.float()[None, None], PLACE, SIZE)
    return hair.found, hair.told_apart


FACE = disc(0.5, 0.6, 0.2)
CURLS, DRAWN = disc(0.5, 0.45, 0.6), disc(0.5, 0.5, 0.42)


def test_wide_curls_are_followed_and_the_sky_is_not() -> None:
    hair, told_apart = found(painted((CURLS, BROWN), (FACE, SKIN)), DRAWN, CURLS)
    assert at(hair, 0.0, 0.4) > 0.95 and at(hair, 0.98, 0.4) > 0.95 and at(hair, 0.5, -0.08) > 0.95
    assert at(hair, 1.3, 0.4) == 0 and at(hair, -0.2, 0.1) == 0
    assert at(told_apart, 1.0, 0.4) == 1


def test_long_hair_is_followed_below_the_mouth_and_the_neck_is_not() -> None:
    columns, rows = maps()
    locks = (columns - 0.5).abs() < 0.4
    neck = ((columns - 0.5).abs() < 0.15) & (rows > 0.7)
    person = (locks & (rows > 0)) | (rows > 1.1)
    drawn = person & (rows < 1)
    hair, _ = found(painted((person, BROWN), (rows > 1.1, SUIT), (neck | FACE, SKIN)), drawn, person)
    assert at(hair, 0.2, 0.75) > 0.9 and at(hair, 0.8, 0.75) > 0.9
    assert at(hair, 0.5, 0.9) == 0 and at(hair, 0.5, 0.6) == 0
    assert 0 < at(hair, 0.2, 0.9) < at(hair, 0.2, 0.8)  # it fades, as the drawing ends
    assert at(hair, 0.2, 1.2) == 0


def test_a_suit_of_the_hairs_colour_is_no_hair_where_the_hair_is_short() -> None:
    columns, rows = maps()
    head, suit = disc(0.5, 0.45, 0.33) | FACE, (rows > 0.8) & ((columns - 0.5).abs() < 0.7)
    photo = painted((head, BROWN), (suit, SUIT), (FACE, SKIN))
    hair, _ = found(photo, head | (suit & (rows < 1)), head | suit)
    assert at(hair, 0.5, 0.2) > 0.95
    assert float(hair[0, 0][(rows > 0.8)].max()) == 0


def test_a_face_beside_the_hair_is_no_hair() -> None:
    other = disc(1.2, 0.45, 0.2)
    hair, _ = found(painted((CURLS, BROWN), (FACE | other, SKIN)), DRAWN, CURLS | other)
    assert at(hair, 0.0, 0.4) > 0.95 and at(hair, 1.2, 0.45) == 0


def test_a_ground_of_the_hairs_colour_is_not_followed_though_the_segmentation_takes_it_for_the_person() -> None:
    columns, _ = maps()
    taken = CURLS | ((columns > 0.5) & (columns < 1.1))
    photo = painted((DRAWN, BROWN), (FACE, SKIN), ground=(-0.9, -0.9, -0.9))
    hair, told_apart = found(photo, DRAWN, taken)
    assert at(hair, 1.05, 0.4) < 0.6 < at(hair, 0.5, 0.2)
    assert at(told_apart, 1.05, 0.4) < 0.1


def test_continued_hair_has_the_drawings_colour_the_photos_strands_and_the_drawings_contrast() -> None:
    columns, _ = maps()
    strands = torch.sin(columns * 300)
    photo = painted((CURLS, BROWN)) + 0.05 * strands * CURLS
    drawing = torch.tensor([0.6, -0.2, 0.1])[:, None, None] + 0.1 * strands.expand(3, -1, -1)
    drawing = torch.where(FACE, torch.tensor(SKIN)[:, None, None], torch.where(DRAWN, drawing, torch.tensor(1.0)))[None]
    drawn, person = DRAWN.float()[None, None], CURLS.float()[None, None]
    laid = continue_hair(drawing, photo, drawn, person, find_hair(photo, drawn, person, PLACE, SIZE), size=SIZE)
    inside = disc(0.5, 0.5, 0.35)
    assert torch.equal(laid[..., inside], drawing[..., inside])
    beyond = disc(0.5, 0.45, 0.55) & ~disc(0.5, 0.5, 0.47) & (maps()[1] < 0.7)  # nothing of the face's colour either
    assert laid[0][:, beyond].mean(1).tolist() == pytest.approx([0.6, -0.2, 0.1], abs=0.03)
    assert laid[0, 0][beyond].std().item() == pytest.approx(0.1 / 2**0.5, rel=0.25)  # not the photo's, half of it
    rim = DRAWN & ~disc(0.5, 0.5, 0.41)
    assert laid[0, 1][rim].max() < 0.5  # the drawing's white ground does not shine through


def test_continued_hair_is_neither_as_pale_as_the_drawings_rim_nor_coloured_as_its_bare_forehead() -> None:
    dark, pale = (-0.8, -0.6, -0.2), (-0.2, 0.0, 0.2)
    photo = painted((CURLS, BROWN), (FACE | disc(0.5, 0.4, 0.15), SKIN))
    layers = ((DRAWN, pale), (disc(0.5, 0.5, 0.37), dark), (FACE | disc(0.5, 0.4, 0.15), SKIN))
    drawn, person = DRAWN.float()[None, None], CURLS.float()[None, None]
    hair = find_hair(photo, drawn, person, PLACE, SIZE)
    laid = continue_hair(painted(*layers), photo, drawn, person, hair, size=SIZE)
    beyond = disc(0.5, 0.4, 0.58) & ~disc(0.5, 0.5, 0.47) & (maps()[1] < 0.3)
    mean = laid[0][:, beyond].mean(1)
    for other in (pale, SKIN):
        assert (mean - torch.tensor(dark)).norm() < 0.3 * (mean - torch.tensor(other)).norm()


def test_colours_are_filled_in_from_where_they_are_known() -> None:
    colours = torch.zeros(1, 3, 64, 64)
    colours[..., :8] = 0.5
    weight = torch.zeros(1, 1, 64, 64)
    weight[..., :8] = 1
    assert torch.allclose(filled(colours, weight), torch.tensor(0.5), atol=1e-4)
    both = torch.zeros(1, 1, 64, 64)
    both[..., [0, -1]] = 1
    ramp = filled(torch.linspace(-1, 1, 64).expand(1, 3, 64, 64), both)
    assert torch.equal(ramp[..., 0], torch.full((1, 3, 64), -1.0)) and ramp[..., 31:33].abs().max() < 0.5


@pytest.mark.parametrize("ground", [SKY, (0.1, -0.7, -0.7)])  # a curtain, too
def test_an_ear_is_coloured_as_the_face_and_the_ground_behind_is_not(ground: tuple[float, float, float]) -> None:
    ear, head = disc(0.26, 0.55, 0.06), disc(0.5, 0.45, 0.3)
    photo = painted((head, BROWN), (FACE | ear, SKIN), ground=ground)
    person = (head | FACE).float()[None, None]  # the segmentation has not found it
    found = coloured_as_face(photo, person, FACE.float()[None, None])
    assert found[0, 0][ear].min() > 0.95 and found[0, 0][FACE].min() > 0.95
    assert found[0, 0][~(head | FACE | disc(0.26, 0.55, 0.07))].max() < 0.05
