"""Who is drawn: what networks see of them, led to the picture's own edges."""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from stylizer.imaging.masks import along_edges
from stylizer.networks.parser import AREAS
from stylizer.styles.person import Person
from stylizer.styles.regions import face_regions_of

SIDE, SMALL = 1024, 256
HAIR, SKIN, GROUND = torch.tensor((-0.7, -0.8, -0.85)), torch.tensor((0.4, 0.1, -0.1)), torch.tensor((0.2, 0.5, 0.8))
ROWS, COLUMNS = torch.meshgrid(*[torch.arange(SIDE) + 0.5] * 2, indexing="ij")


def circle(radius: float) -> torch.Tensor:
    return (radius**2 > (COLUMNS - 512) ** 2 + (ROWS - 512) ** 2).float()[None, None]


def face_of(mean_mesh: np.ndarray) -> torch.Tensor:
    return (F.interpolate(face_regions_of(mean_mesh, SIDE, SMALL).face, size=SIDE, mode="bilinear") > 0.5).float()


def somebody(
    mean_mesh: np.ndarray,
    head: float,
    told: float,
    over: torch.Tensor | None = None,
    *,
    seen: float | None = None,
    with_fringe: bool = True,
) -> Person:
    """A head of hair around a face, whose outline was found elsewhere: radii in pixels.

    over: (SIDE, SIDE), bool, within the face: there is hair too. seen: the radius that the segmentation found.
    """
    skin = face_of(mean_mesh)
    skin = skin if over is None else skin * (~over).float()
    colours = torch.where(circle(head) > 0, HAIR[None, :, None, None], GROUND[None, :, None, None])
    full = torch.lerp(colours, SKIN[None, :, None, None].expand_as(colours), skin)
    areas = {"rest": 1 - circle(told), "hair": circle(told) * (1 - skin), "skin": skin}
    small = F.interpolate(torch.cat([areas[name] for name in AREAS], 1), size=SMALL, mode="area")
    person = F.interpolate(circle(told if seen is None else seen), size=SMALL, mode="area")
    return Person.of(full, mean_mesh, person, small, with_fringe)


def test_a_mask_is_led_to_the_edge_beside_it(mean_mesh: np.ndarray) -> None:
    person = somebody(mean_mesh, 420, 427)
    found, told = person.figure, F.interpolate(1 - person.regions.ground, size=SIDE, mode="nearest")
    wrong, before = ((x - circle(420)).abs().mean() for x in (found, told))
    assert wrong < 0.5 * before
    assert float(found.min()) >= 0 and float(found.max()) <= 1


def test_where_a_picture_says_nothing_a_mask_is_only_larger() -> None:
    mask = F.interpolate(circle(300), size=SMALL, mode="area")
    flat = torch.zeros(1, 1, SIDE, SIDE)
    assert (along_edges(mask, flat, 2, 2e-3) - circle(300)).abs().mean() < 0.015
    assert torch.allclose(along_edges(mask * 0 + 0.3, torch.rand(flat.shape), 2, 2e-3), torch.tensor(0.3), atol=1e-4)


def test_hair_is_the_persons_without_their_skin(mean_mesh: np.ndarray) -> None:
    hair, face = somebody(mean_mesh, 420, 420).hair_with(mean_mesh), face_of(mean_mesh)
    wanted = circle(410) * (1 - face)
    assert float((hair * wanted).sum() / wanted.sum()) > 0.9
    inner = F.interpolate(face, scale_factor=0.5, mode="area") == 1
    assert float(F.interpolate(hair, scale_factor=0.5, mode="area")[inner].mean()) < 0.02
    assert float((hair * (1 - circle(440))).max()) < 0.05


def test_skin_hair_and_ground_share_a_picture(mean_mesh: np.ndarray) -> None:
    person = somebody(mean_mesh, 420, 420)
    total = person.hair + person.bare + person.regions.ground
    assert float((total - 1).abs().mean()) < 0.01 and float(total.max()) < 1.3
    face = F.interpolate(face_of(mean_mesh), size=SMALL, mode="area") == 1
    assert float(person.bare[face].mean()) > 0.95


def test_hair_that_the_segmentation_leaves_out_is_no_ground(mean_mesh: np.ndarray) -> None:
    """Wide curls, which it takes for what is behind. Below the eyes that may be a shadow."""
    person = somebody(mean_mesh, 420, 420, seen=340)
    head = (F.interpolate(circle(410), size=SMALL, mode="area") == 1)[0, 0]
    shown, eyes = (1 - person.regions.ground)[0, 0], round(float(mean_mesh[LEFT_EYE + RIGHT_EYE, 1].mean()) / 4)
    assert float(shown[: eyes - 4][head[: eyes - 4]].min()) > 0.9
    beside = head & ((F.interpolate(circle(370), size=SMALL, mode="area") == 0) & (person.skin < 0.01))[0, 0]
    assert float(shown[eyes + 8 :][beside[eyes + 8 :]].max()) < 0.1


def test_thin_hair_at_an_outline_is_of_the_head(mean_mesh: np.ndarray) -> None:
    """The person goes on a little beyond what is surely hair: that is hair, but for below the eyes."""
    person = somebody(mean_mesh, 420, 396, seen=420)
    rim = (F.interpolate(circle(416) - circle(400), size=SMALL, mode="area") == 1)[0, 0]
    eyes = round(float(mean_mesh[LEFT_EYE + RIGHT_EYE, 1].mean()) / 4)
    assert float(person.hair[0, 0, : eyes - 2][rim[: eyes - 2]].mean()) > 0.9
    assert float(person.hair[0, 0, eyes + 2 :][rim[eyes + 2 :]].mean()) < 0.1


def test_a_fringe_is_hair_down_to_where_it_ends(mean_mesh: np.ndarray) -> None:
    brows = float(mean_mesh[LEFT_BROW + RIGHT_BROW, 1].min())
    bare, fringed = (somebody(mean_mesh, 420, 420, over=over) for over in (None, brows - 30 > ROWS))
    face = (F.interpolate(face_of(mean_mesh), size=SMALL, mode="area") == 1)[0, 0]
    upper, lower = face & (ROWS[2::4, ::4] < brows - 45), face & (ROWS[2::4, ::4] > brows + 10)
    assert float(bare.fringe[0, 0][upper].mean()) < 0.02
    assert float(fringed.fringe[0, 0][upper].mean()) > 0.9 and float(fringed.fringe[0, 0][lower].mean()) < 0.02
    hair = F.interpolate(fringed.hair_with(mean_mesh), size=SMALL, mode="area")[0, 0]
    assert float(hair[upper].mean()) > 0.9 and float(hair[lower].mean()) < 0.02


def test_where_it_is_not_drawn_as_hair_a_fringe_is_face(mean_mesh: np.ndarray) -> None:
    brows = float(mean_mesh[LEFT_BROW + RIGHT_BROW, 1].min())
    person = somebody(mean_mesh, 420, 420, over=brows - 30 > ROWS, with_fringe=False)
    assert not person.fringe.any()
    assert float(person.hair[person.regions.face > 0.95].max()) < 0.06
    assert float(person.hair[0, 0, 30, 128]) > 0.9


def test_hair_beside_a_brows_end_is_hair(mean_mesh: np.ndarray) -> None:
    end = float(mean_mesh[LEFT_BROW + LEFT_EYE, 0].min())
    person = somebody(mean_mesh, 420, 420, over=end - 4 > COLUMNS)
    y = int(mean_mesh[LEFT_BROW, 1].mean())
    assert float(person.hair_with(mean_mesh)[0, 0, y, int(end) - 14]) > 0.9


def test_what_hangs_over_an_eye_leaves_the_drawn_one_alone(mean_mesh: np.ndarray) -> None:
    """Wherever the drawing has it."""
    person = somebody(mean_mesh, 420, 420, over=float(mean_mesh[LEFT_EYE, 0].max()) > COLUMNS)
    for mesh in (mean_mesh, mean_mesh + np.array([6.0, 10.0, 0.0])):
        x, y = mesh[LEFT_EYE, :2].mean(0).astype(int)
        assert float(person.hair_with(mesh)[0, 0, y, x]) < 0.05
        assert float(person.hair_with(mesh)[0, 0, y + 110, x]) > 0.9  # the cheek below


def test_a_persons_own_hair_counts_wherever_another_one_has_it(mean_mesh: np.ndarray) -> None:
    person = somebody(mean_mesh, 420, 420)
    bald = replace(person, regions=replace(person.regions, hair=person.regions.hair * 0))
    assert not bald.fringe.any() and float(bald.hair_with(mean_mesh).max()) < 0.05
