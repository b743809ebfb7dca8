"""Lending: the reference's own strokes in the features, the person everywhere else."""

import io
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

from stylizer.faces.mesh_parts import INNER_LIPS, LEFT_BROW, LEFT_EYE, OVAL, RIGHT_BROW, RIGHT_EYE
from stylizer.imaging.masks import grown
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.example import Example
from stylizer.styles.features import below_jaw
from stylizer.styles.lending import _Laid, lend
from stylizer.styles.pairs import Reference
from stylizer.styles.person import Person

SIDE = 1024


def lent(example: Example, drawn: Image.Image, person: Person, amount: float = 1.0) -> Image.Image:
    return lend(example, drawn, person.mesh_xyz, person, amount)


def with_picture(person: Person, small: torch.Tensor) -> Person:
    return replace(person, full=F.interpolate(small, size=person.full.shape[-1], mode="nearest"))


def around(mesh_xyz: np.ndarray, part: list[int], reach: int) -> tuple[slice, slice]:
    x, y = mesh_xyz[part, :2].mean(0).astype(int)
    return slice(y - reach, y + reach), slice(x - reach, x + reach)


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), float)


def test_eyes_become_the_references(example: Example, drawn: Image.Image, person: Person, reference: Reference) -> None:
    """Here one mesh is seen in all pictures, so what is lent lies where it lay."""
    result, wanted = pixels(lent(example, drawn, person)), pixels(to_image(reference.face))
    for eye in (LEFT_EYE, RIGHT_EYE):
        place = around(reference.mesh_xyz, eye, 24)
        before = np.abs(pixels(drawn)[place] - wanted[place]).mean()
        assert np.abs(result[place] - wanted[place]).mean() < 0.6 * before


def test_an_eye_that_the_example_hides_is_its_other_one(
    example: Example, drawn: Image.Image, person: Person, reference: Reference
) -> None:
    picture = np.array(Image.open(io.BytesIO(example.face)).convert("RGBA"))
    picture[(*around(reference.mesh_xyz, RIGHT_EYE, 16), slice(0, 3))] = (0, 255, 0)
    hidden = picture.copy()
    hidden[(*around(reference.mesh_xyz, LEFT_EYE, 50), 3)] = 0
    left, right = (around(person.mesh_xyz, eye, 6) for eye in (LEFT_EYE, RIGHT_EYE))
    seen, instead = (pixels(lent(replace(example, face=lossless(each)), drawn, person)) for each in (picture, hidden))
    green = [
        each[place][..., 1].mean() - each[place][..., 0].mean() for each in (seen, instead) for place in (left, right)
    ]
    assert green[0] < 40 and min(green[1:]) > 100


def test_hair_and_ground_stay_as_they_are_drawn(example: Example, drawn: Image.Image, person: Person) -> None:
    change = np.abs(pixels(lent(example, drawn, person)) - pixels(drawn))
    assert change[:150].max() <= 1 and change[:, :90].max() <= 1 and change[:, -90:].max() <= 1


def test_brows_are_the_examples(example: Example, drawn: Image.Image, person: Person, reference: Reference) -> None:
    """They are of the same hand as the eyes below them."""
    picture = Image.open(io.BytesIO(example.face)).convert("RGBA")
    for brow in (LEFT_BROW, RIGHT_BROW):
        ImageDraw.Draw(picture).polygon([tuple(point) for point in reference.mesh_xyz[brow, :2]], fill=(0, 0, 255, 255))
    plain, blue = (
        pixels(lent(each, drawn, person)) for each in (example, replace(example, face=lossless(np.array(picture))))
    )
    for brow in (LEFT_BROW, RIGHT_BROW):
        place = around(person.mesh_xyz, brow, 5)
        assert (blue - plain)[place][..., 2].mean() > 60


def test_the_amount_goes_from_the_drawing_to_the_example(
    example: Example, drawn: Image.Image, person: Person, reference: Reference
) -> None:
    assert lent(example, drawn, person, 0.0) is drawn
    assert lent(replace(example, likeness=0.95), drawn, person).tobytes() == drawn.tobytes()  # a photo in paint
    place = around(reference.mesh_xyz, LEFT_EYE, 24)
    none, half, all_of_it = (pixels(lent(example, drawn, person, amount))[place] for amount in (0.0, 0.5, 1.0))
    assert np.abs(half - (none + all_of_it) / 2).mean() < 2 < np.abs(all_of_it - none).mean()


def test_eyes_unlike_the_sitters_stay_the_persons(
    example: Example, drawn: Image.Image, person: Person, reference: Reference
) -> None:
    """One eye has light and dark the other way round: both are lent less, as two of different hands were worse."""
    scale = SIDE // reference.natural.shape[-1]
    (rows, columns), own = around(reference.mesh_xyz, LEFT_EYE, 100), reference.natural.clone()
    place = (..., slice(rows.start // scale, rows.stop // scale), slice(columns.start // scale, columns.stop // scale))
    own[place] = -own[place].sign()
    changes = []
    for picture in (person.picture, own):
        change = np.abs(pixels(lent(example, drawn, with_picture(person, picture))) - pixels(drawn))
        changes.append([change[around(person.mesh_xyz, eye, 16)].mean() for eye in (LEFT_EYE, RIGHT_EYE)])
    assert min(changes[0]) > 8
    assert all(other < 0.8 * alike for other, alike in zip(changes[1], changes[0], strict=True))


def test_single_lines_are_not_lent_to_the_skin(
    example: Example, drawn: Image.Image, person: Person, reference: Reference
) -> None:
    """Stones, hatching and the grain of paper are the hand's; a lock or a scar is the sitter's."""
    forehead = around(reference.mesh_xyz, [151], 12)
    picture = np.array(Image.open(io.BytesIO(example.face)).convert("RGBA"))
    noise = np.random.default_rng(0).integers(-50, 50, (SIDE, SIDE, 1))
    weave, scar = picture.copy(), picture.copy()
    weave[..., :3] = (picture[..., :3] + noise).clip(0, 255)
    scar[forehead[0].start + 6 : forehead[0].start + 10, forehead[1], :3] = 0
    plain, weaved, scarred = (
        pixels(lent(replace(example, face=lossless(each)), drawn, person))[forehead] for each in (picture, weave, scar)
    )
    assert np.abs(weaved - plain).mean() > 8
    assert np.abs(scarred - plain).max() < 40  # it is black, on skin of 140


def test_the_skin_gets_broad_light_and_hues(
    example: Example, drawn: Image.Image, person: Person, reference: Reference
) -> None:
    """A blush is the hand's, and so is a shadow."""
    picture = np.array(Image.open(io.BytesIO(example.face)).convert("RGBA"))
    place = around(reference.mesh_xyz, [50], 70)
    blushing, shaded = picture.copy(), picture.copy()
    blushing[(*place, 0)] = (blushing[(*place, 0)].astype(int) + 60).clip(0, 255)
    shaded[(*place, slice(0, 3))] //= 2
    plain, red, dark = (
        pixels(lent(replace(example, face=lossless(each)), drawn, person)) for each in (picture, blushing, shaded)
    )
    cheek = around(reference.mesh_xyz, [50], 20)
    blush = (red - plain)[cheek].mean((0, 1))
    assert blush[0] > 20 and abs(blush[2]) < 10
    assert (dark - plain)[cheek].mean() < -20


def test_ears_and_neck_are_lit_as_the_face_beside_them(
    example: Example, drawn: Image.Image, person: Person, reference: Reference
) -> None:
    picture = np.array(Image.open(io.BytesIO(example.face)).convert("RGBA"))
    dark = picture.copy()
    dark[..., :3] //= 2
    bright, shaded = (pixels(lent(replace(example, face=lossless(each)), drawn, person)) for each in (picture, dark))
    beyond = person.bare[0, 0] * (1 - grown(person.regions.face, 6))[0, 0]
    place = F.interpolate(beyond[None, None], size=SIDE)[0, 0].numpy() > 0.9
    assert place.sum() > 500 and (shaded - bright)[place].mean() < -5


def mouths(mesh_xyz: np.ndarray, opened: float) -> np.ndarray:
    """A mesh whose lower lip hangs so many pixels lower."""
    changed = mesh_xyz.copy()
    changed[INNER_LIPS[1:10], 1] += opened
    return changed


def test_a_mouth_is_lent_to_any_mouth_but_a_grin_to_one_that_is_closed(
    example: Example, drawn: Image.Image, person: Person, reference: Reference
) -> None:
    """Teeth would be between its lips. Lips that open show the person's own."""
    picture = np.array(Image.open(io.BytesIO(example.face)).convert("RGBA"))
    painted = picture.copy()
    x, y = reference.mesh_xyz[0, :2].astype(int)  # the upper lip
    lip = slice(y, y + 6), slice(x - 8, x + 8)
    painted[(*lip, slice(0, 3))] = (0, 255, 0)

    def change(sitters: float, persons: float) -> float:
        meshes = example.meshes.clone()
        meshes[:, :3] = torch.from_numpy(mouths(reference.mesh_xyz, sitters))
        somebody = replace(person, mesh_xyz=mouths(person.mesh_xyz, persons))
        plain, green = (
            pixels(lend(replace(example, face=lossless(each), meshes=meshes), drawn, somebody.mesh_xyz, somebody, 1.0))
            for each in (picture, painted)
        )
        return float(np.abs(green - plain)[lip].mean())

    assert change(0, 0) > 10 and change(0, 60) > 10 and change(60, 60) > 10
    assert change(60, 0) < 2


def test_nose_and_cheeks_are_the_examples_up_to_the_faces_border(
    example: Example, drawn: Image.Image, person: Person, reference: Reference
) -> None:
    """Lines of it, too: the middle of a face is one piece, and has no borders inside."""
    picture = np.array(Image.open(io.BytesIO(example.face)).convert("RGBA"))
    lined, places = picture.copy(), [around(reference.mesh_xyz, [point], 12) for point in (1, 50, 280, 10)]
    for place in places:
        lined[place[0].start + 8 : place[0].start + 14, place[1], :3] = 0
    plain, black = (pixels(lent(replace(example, face=lossless(each)), drawn, person)) for each in (picture, lined))
    *middle, forehead = [np.abs(black - plain)[place].max() for place in places]
    assert min(middle) > 60 and forehead < 40


def test_a_face_that_is_half_its_sitters_lends_eyes_alone(
    example: Example, drawn: Image.Image, person: Person, reference: Reference
) -> None:
    shares = []
    for likeness in (example.likeness, 0.665):
        laid = _Laid.over(replace(example, likeness=likeness), to_tensor(drawn), person.mesh_xyz, person)
        features = F.interpolate(laid.features(), size=SIDE)[0, 0].numpy()
        shares.append([features[around(person.mesh_xyz, part, 6)].mean() for part in (LEFT_EYE, [1])])
    (eye, nose), (half_eye, half_nose) = shares
    assert min(eye, nose) > 0.8 and half_eye == eye and half_nose == 0


def lossless(picture: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture, "RGBA").save(content, "WEBP", lossless=True)
    return content.getvalue()


def test_a_turned_face_gets_the_mirror_image(example: Example, reference: Reference) -> None:
    """A drawing that looks to one side, lent to faces that look to either."""
    meshes = {}
    for degrees in (-25, 25):
        angle, middle = np.radians(degrees), reference.mesh_xyz.mean(0)
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        meshes[degrees] = (reference.mesh_xyz - middle) @ turn.T + middle
    numbers = example.meshes.clone()
    numbers[:, :3] = torch.from_numpy(meshes[25])
    turned = replace(example, meshes=numbers)
    same, other = (turned.seen_from(meshes[degrees])[0].face for degrees in (25, -25))
    assert torch.equal(other, same.flip(3)) and torch.equal(same, example._face)


def test_a_line_along_the_jaw_is_told_from_a_shadow(example: Example, reference: Reference) -> None:
    picture = Image.open(io.BytesIO(example.face)).convert("RGBA")
    alpha, outline = picture.getchannel("A"), [tuple(point) for point in reference.mesh_xyz[OVAL, :2]]
    skin = np.array(picture)[around(reference.mesh_xyz, [50], 5)].mean((0, 1))[:3].round().astype(int)
    plain = Image.new("RGB", picture.size, tuple(skin))
    inked, shaded = plain.copy(), Image.new("RGB", picture.size, (0, 0, 0))
    ImageDraw.Draw(inked).line([*outline, outline[0]], fill=(0, 0, 0), width=12)
    ImageDraw.Draw(shaded).polygon(outline, fill=tuple(skin))
    found = []
    for each in (plain, inked, shaded):
        each.putalpha(alpha)
        found.append(replace(example, face=lossless(np.array(each))))
    assert [each.jaw for each in found] == [0, 1, 0]


def test_an_open_mouth_shows_teeth_as_light_as_the_persons(
    example: Example, drawn: Image.Image, person: Person, reference: Reference
) -> None:
    """What was learned of teeth is grey; dark gaps stay dark."""
    mesh = person.mesh_xyz.copy()
    mesh[INNER_LIPS[11:], 1] -= 12
    mesh[INNER_LIPS[1:10], 1] += 12
    inner = mesh[INNER_LIPS, :2]
    low, high = inner.min(0).astype(int), inner.max(0).astype(int)
    middle = (low + high) // 2
    full, grey = person.full.clone(), np.array(drawn)
    full[..., low[1] : high[1], low[0] : middle[0]], full[..., low[1] : high[1], middle[0] : high[0]] = 0.9, -0.9
    grey[low[1] : high[1], low[0] : high[0]] = 90
    somebody = replace(person, full=full, mesh_xyz=mesh)
    result = pixels(lend(example, Image.fromarray(grey), mesh, somebody, 1.0))
    sides = [
        result[middle[1] - 3 : middle[1] + 3, middle[0] + step - 3 : middle[0] + step + 3].mean() for step in (-12, 12)
    ]
    assert sides[0] > 150 and sides[1] < 100


def test_a_neck_is_the_examples_where_the_person_shows_skin(
    example: Example, drawn: Image.Image, person: Person, reference: Reference
) -> None:
    """A shadow under the chin; where it is not known, it goes on."""
    picture = np.array(Image.open(io.BytesIO(example.face)).convert("RGBA"))
    small = below_jaw(reference.mesh_xyz / 4, SIDE // 4)
    column = F.interpolate(small, size=SIDE)[0, 0].numpy() > 0.05
    face = np.array(to_image(grown(reference.regions.face, 1).expand(-1, 3, -1, -1) * 2 - 1).resize((SIDE, SIDE)))
    below = column & (face[..., 0] < 100)
    picture[below] = (0, 200, 0, 255)
    picture[below & (np.arange(SIDE) > 560)] = (0, 0, 0, 0)  # its right part is hidden
    shaded = replace(example, face=lossless(picture))
    assert shaded.neck_shown == 1
    chin = reference.mesh_xyz[152, :2].astype(int)
    result, before = pixels(lent(shaded, drawn, person)), pixels(drawn)
    for away in (-40, 70):
        place = slice(chin[1] + 30, chin[1] + 40), slice(chin[0] + away - 5, chin[0] + away + 5)
        assert (result[place] - before[place])[..., 1].mean() > (result[place] - before[place])[..., 0].mean() + 60
    dressed = torch.where(torch.arange(256)[:, None] * 4 > chin[1], -person.picture.roll(1, 1), person.picture)
    above = (torch.arange(256)[:, None] * 4 <= chin[1]).float()
    clothed = pixels(lent(shaded, drawn, replace(with_picture(person, dressed), skin=person.skin * above)))
    assert np.abs(clothed[chin[1] + 35 :] - before[chin[1] + 35 :]).mean() < 3
