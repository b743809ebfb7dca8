"""Who is drawn: the person and their hair end where the picture has its edges."""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from stylizer.imaging.masks import along_edges, grown
from stylizer.styles.person import Person
from stylizer.styles.regions import Regions, face_regions_of

SIDE, SMALL = 1024, 256
HAIR, SKIN, GROUND = torch.tensor((-0.7, -0.8, -0.85)), torch.tensor((0.4, 0.1, -0.1)), torch.tensor((0.2, 0.5, 0.8))


def circle(radius: float) -> torch.Tensor:
    steps = torch.arange(SIDE) + 0.5
    return ((steps - 512)[None] ** 2 + (steps - 512)[:, None] ** 2 < radius**2).float()[None, None]


def somebody(mean_mesh: np.ndarray, head: float, told: float) -> Person:
    """A head of hair around a face, whose outline was found elsewhere: radii in pixels."""
    inside = face_regions_of(mean_mesh, SIDE, SMALL)
    face = F.interpolate(inside.face, size=SIDE, mode="bilinear")
    mixed = torch.where(circle(head) > 0, HAIR[None, :, None, None], GROUND[None, :, None, None])
    full = torch.lerp(mixed, SKIN[None, :, None, None].expand_as(mixed), (face > 0.5).float())
    person = F.interpolate(circle(told), size=SMALL, mode="area")
    hair = person * (1 - inside.face)
    return Person(full, mean_mesh, Regions(**vars(inside), hair=hair, body=hair * 0, ground=1 - person), True)


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
    person = somebody(mean_mesh, 420, 420)
    face = F.interpolate(person.regions.face, size=SIDE, mode="bilinear")
    hair = person.hair_with(person.full, mean_mesh)
    wanted = circle(420) * (face < 0.5)
    assert float((hair * wanted).sum() / wanted.sum()) > 0.9
    assert float((hair * (face > 0.95)).mean()) < 0.02 and float((hair * (1 - circle(440))).max()) < 0.05


def test_a_drawings_hair_counts_but_not_on_bare_skin(mean_mesh: np.ndarray) -> None:
    """A drawing that has hair all over the face."""
    person = somebody(mean_mesh, 420, 420)
    drawn = torch.where(circle(420) > 0, HAIR[None, :, None, None], GROUND[None, :, None, None])
    face = F.interpolate(person.regions.face, size=SIDE, mode="bilinear") > 0.95
    assert float((person.hair_with(drawn, mean_mesh) * face).mean()) < 0.02


def test_a_light_lock_in_the_midst_of_hair_is_hair(mean_mesh: np.ndarray) -> None:
    """Of the colour of skin."""
    person = somebody(mean_mesh, 420, 420)
    lock = circle(420) * 0
    lock[..., 160:190, 480:540] = 1
    blond = replace(person, full=torch.where(lock > 0, SKIN[None, :, None, None], person.full))
    assert float(blond.hair_with(blond.full, mean_mesh)[lock > 0].mean()) > 0.9


def test_hair_beside_a_jaw_reaches_it(mean_mesh: np.ndarray) -> None:
    """Regions leave a seam around a face, and no hair beside it is hair below the mouth."""
    person = somebody(mean_mesh, 420, 420)
    x, y = mean_mesh[LIPS, 0].mean(), mean_mesh[LIPS, 1].max() + 20
    seam = grown((person.regions.face > 0.1).float(), 5)
    parted = replace(person, regions=replace(person.regions, hair=person.regions.hair * (1 - seam)))
    row = person.regions.face[0, 0, round(y / 4)]
    edge = int(torch.nonzero(row > 0.5)[-1]) + 4  # a pixel of the seam, right of the face
    assert edge * 4 > x and float(seam[0, 0, round(y / 4), edge]) == 1
    assert float(parted.hair_with(parted.full, mean_mesh)[0, 0, round(y / 4) * 4, edge * 4]) > 0.9


def test_hair_beside_a_brows_end_is_hair(mean_mesh: np.ndarray) -> None:
    end, columns = float(mean_mesh[LEFT_BROW + LEFT_EYE, 0].min()), (torch.arange(SIDE) + 0.5).expand(SIDE, SIDE)
    person = painted(somebody(mean_mesh, 420, 420), columns < end - 4)
    y = int(mean_mesh[LEFT_BROW, 1].mean())
    assert float(person.hair_with(person.full, mean_mesh)[0, 0, y, int(end) - 14]) > 0.9


def painted(person: Person, where: torch.Tensor) -> Person:
    """Hair-coloured there, within the face, (SIDE, SIDE), bool."""
    face = F.interpolate(person.regions.face, size=SIDE, mode="bilinear") > 0.5
    return replace(person, full=torch.where(face & where, HAIR[None, :, None, None], person.full))


def within_face(person: Person) -> float:
    """How much of a face is taken for a fringe."""
    return float(person.fringe[person.regions.face > 0.95].mean())


def test_a_fringe_is_hair_down_to_the_brows(mean_mesh: np.ndarray) -> None:
    rows = (torch.arange(SIDE) + 0.5)[:, None].expand(SIDE, SIDE)
    brows = float(mean_mesh[LEFT_BROW + RIGHT_BROW, 1].min())
    bare = somebody(mean_mesh, 420, 420)
    assert within_face(bare) < 0.02
    person = painted(bare, rows < brows - 30)
    assert not replace(person, with_fringe=False).fringe.any()
    hair = person.hair_with(person.full, mean_mesh)[0, 0]
    face = F.interpolate(person.regions.face, size=SIDE, mode="bilinear")[0, 0] > 0.95
    assert float(hair[face & (rows < brows - 45)].mean()) > 0.9
    assert float(hair[face & (rows > brows + 10)].mean()) < 0.02


def test_what_hangs_over_an_eye_leaves_brow_and_lids_alone(mean_mesh: np.ndarray) -> None:
    """Also those of a drawing, which lie elsewhere."""
    columns = (torch.arange(SIDE) + 0.5).expand(SIDE, SIDE)
    person = painted(somebody(mean_mesh, 420, 420), columns < float(mean_mesh[LEFT_EYE, 0].max()))
    moved = mean_mesh + np.array([6.0, 10.0, 0.0])
    hair = person.hair_with(person.full, moved)[0, 0]
    for mesh in (mean_mesh, moved):
        x, y = mesh[LEFT_EYE, :2].mean(0).astype(int)
        assert float(hair[y, x]) < 0.05
    eyes, mouth = (float(mean_mesh[part, 1].mean()) for part in (LEFT_EYE, LIPS))
    assert float(hair[int(eyes + 0.4 * (mouth - eyes)), int(mean_mesh[LEFT_EYE, 0].mean())]) > 0.9  # the cheek below
    x, y = mean_mesh[RIGHT_EYE, :2].mean(0).astype(int)
    assert float(hair[y, x]) == 0


def test_a_beard_and_a_mole_are_no_fringe(mean_mesh: np.ndarray) -> None:
    rows, columns = torch.meshgrid(*[torch.arange(SIDE) + 0.5] * 2, indexing="ij")
    beard = rows > float(mean_mesh[LIPS, 1].min()) - 5
    x, y = mean_mesh[[*LEFT_BROW, *RIGHT_BROW], :2].mean(0) - np.array([0, 50])
    mole = (rows - y) ** 2 + (columns - x) ** 2 < 20**2
    for where in (beard, mole):
        person = painted(somebody(mean_mesh, 420, 420), where)
        assert within_face(person) < 0.02
