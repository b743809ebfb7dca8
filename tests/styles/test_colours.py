"""Colours are spread as the reference's: moments, by an independent computation; the person's own mean; cards."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.linalg import sqrtm

from stylizer.imaging.masks import shrunk
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.colours import ColourSpread, colours_from, colours_of, mixed_colours, with_colours
from stylizer.styles.pairs import Reference
from stylizer.styles.person import Person

SIDE = 64
ALL = torch.ones(1, 1, SIDE, SIDE)


def noise(seed: int, mixing: list[list[float]], mean: tuple[float, float, float]) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    colours = torch.tensor(mixing) @ torch.randn(3, SIDE * SIDE, generator=rng) + torch.tensor(mean)[:, None]
    return colours.reshape(1, 3, SIDE, SIDE)


OURS = noise(0, [[0.1, 0, 0], [0.08, 0.02, 0], [0.08, 0, 0.02]], (0.2, 0.1, 0.0))
THEIRS = noise(1, [[0.14, 0.01, 0], [0.12, 0.03, 0], [0.11, 0, 0.03]], (-0.3, -0.1, 0.1))


def spread(picture: torch.Tensor) -> ColourSpread:
    found = ColourSpread.of(picture, ALL)
    assert found is not None
    return found


def test_moments_are_those_of_the_region_alone() -> None:
    region = ALL * (torch.arange(SIDE) < SIDE // 2)
    found = ColourSpread.of(torch.where(region > 0, OURS, 0.9), region)
    inside = OURS[0, :, :, : SIDE // 2].flatten(1).numpy()
    assert found is not None
    assert found.mean == pytest.approx(inside.mean(1), abs=1e-5)
    assert np.reshape(found.covariance, (3, 3)) == pytest.approx(np.cov(inside, bias=True), abs=1e-5)
    assert ColourSpread.of(OURS, ALL * (torch.arange(SIDE) < 5)) is None


def test_colours_get_the_others_covariance_about_their_own_mean() -> None:
    picture = spread(THEIRS).given_to(OURS, spread(OURS), with_mean=False)
    moved = spread(picture)
    assert moved.mean == pytest.approx(spread(OURS).mean, abs=1e-4)
    wanted = spread(THEIRS).covariance
    assert moved.covariance == pytest.approx(wanted, abs=0.08 * max(wanted))
    # The map is the one of Monge and Kantorovitch, by another square root.
    a, b = (np.reshape(spread(x).covariance, (3, 3)) + 1e-4 * np.eye(3) for x in (OURS, THEIRS))
    root = np.real(sqrtm(a))
    gains = np.linalg.inv(root) @ np.real(sqrtm(root @ b @ root)) @ np.linalg.inv(root)
    assert np.linalg.eigvalsh(gains).min() > 0.9 and np.linalg.eigvalsh(gains).max() < 2.2  # none is limited
    mean = np.array(spread(OURS).mean)[:, None]
    by_hand = gains @ (OURS[0].flatten(1).double().numpy() - mean) + mean
    assert picture[0].flatten(1).numpy() == pytest.approx(by_hand, abs=1e-3)


def test_with_the_mean_it_is_no_darker_or_lighter_than_the_other() -> None:
    wanted = spread(THEIRS)
    moved = wanted.given_to(OURS, spread(OURS), with_mean=True)
    assert spread(moved).mean == pytest.approx(wanted.mean, abs=0.02)
    light = moved.mean(1)
    assert wanted.lights[0] - 1e-5 <= light.min() and light.max() <= wanted.lights[1] + 1e-5


def test_gains_are_limited() -> None:
    """Noise becomes no colour, and a hand that is flat does not take what a drawing has."""
    for factor, least, most in ((10.0, 2.0, 2.21), (0.01, 0.89, 0.91)):
        other = spread(OURS * factor)
        moved = other.given_to(OURS, spread(OURS), with_mean=False)
        change = np.sqrt(np.diag(np.reshape(spread(moved).covariance, (3, 3))) / np.diag(_matrix(spread(OURS))))
        assert (least < change).all() and (change < most).all()


def _matrix(found: ColourSpread) -> np.ndarray:
    return np.reshape(found.covariance, (3, 3))


def test_as_it_is_spread_already_it_stays() -> None:
    assert torch.allclose(spread(OURS).given_to(OURS, spread(OURS), with_mean=False), OURS, atol=1e-4)


def test_a_card_gives_the_same_again_and_is_not_believed_otherwise() -> None:
    found = {"face": spread(OURS), "hair": spread(THEIRS)}
    facts = json.loads(json.dumps({name: each.to_json() for name, each in found.items()}))
    again = colours_from(facts)
    assert again["face"].mean == pytest.approx(found["face"].mean, abs=1e-5)
    assert {name: each.to_json() for name, each in again.items()} == facts
    good = facts["face"]
    lopsided = [*good["covariance"][:1], 0.5, *good["covariance"][2:]]
    bad: list[Any] = [
        [],
        {"ears": good},
        {"face": {}},
        {"face": good | {"mean": [0.0, 0.0]}},
        {"face": good | {"mean": [0.0, True, 0.0]}},
        {"face": good | {"mean": [0.0, float("nan"), 0.0]}},
        {"face": good | {"mean": [0.0, 7.0, 0.0]}},
        {"face": good | {"lights": [0.5, -0.5]}},
        {"face": good | {"covariance": lopsided}},
    ]
    for each in bad:
        with pytest.raises(ValueError, match="colours"):
            colours_from(each)


def test_a_mixture_has_what_both_have() -> None:
    one, other = {"face": spread(OURS), "hair": spread(OURS)}, {"face": spread(THEIRS)}
    mixed = mixed_colours(one, other, 0.25)
    assert mixed.keys() == {"face"}
    ours, theirs = (np.array(spread(each).mean) for each in (OURS, THEIRS))
    assert mixed["face"].mean == pytest.approx(0.75 * ours + 0.25 * theirs)


def test_skin_keeps_its_mean_hair_gets_the_references_and_the_ground_stays(
    drawn: Image.Image, person: Person, reference: Reference
) -> None:
    before, regions = to_tensor(drawn), person.regions
    small = torch.nn.functional.interpolate(before, size=regions.face.shape[-1], mode="area")
    own = ColourSpread.of(small, shrunk(regions.face, 2))
    assert own is not None
    wide = ColourSpread(own.mean, tuple(4 * each for each in own.covariance), (-1.0, 1.0))
    blue = ColourSpread((-0.5, -0.4, 0.5), own.covariance, (-0.8, 0.6))
    result = with_colours({"face": wide, "hair": blue}, drawn, person.mesh_xyz, person, 1.0)
    after = torch.nn.functional.interpolate(to_tensor(result), size=small.shape[-1], mode="area")
    skin = shrunk(regions.face, 6)[0, 0] > 0.9
    assert (after - small)[0, :, skin].mean().abs() < 0.05
    assert float(after[0, :, skin].std() / small[0, :, skin].std()) > 1.4
    hair = shrunk(regions.hair, 8)[0, 0] > 0.9
    if bool(hair.any()):
        assert (after - small)[0, 2, hair].mean() > 0.1 + float((after - small)[0, 0, hair].mean())
    ground = shrunk(regions.ground * (1 - regions.hair), 8)[0, 0] > 0.9
    assert (after - small)[0][:, ground].abs().max() < 0.02
    half = to_tensor(with_colours({"face": wide}, drawn, person.mesh_xyz, person, 0.5))
    whole = to_tensor(with_colours({"face": wide}, drawn, person.mesh_xyz, person, 1.0))
    assert (half - (before + whole) / 2).abs().mean() < 0.01


def test_nothing_is_as_the_drawing(drawn: Image.Image, person: Person, reference: Reference) -> None:
    assert with_colours({}, drawn, person.mesh_xyz, person, 1.0) is drawn
    assert with_colours(colours_of(reference), drawn, person.mesh_xyz, person, 0.0) is drawn


def test_a_references_face_and_hair_are_read(reference: Reference) -> None:
    found = colours_of(reference)
    assert "face" in found
    grey = found["face"]
    assert all(-1 <= each <= 1 for each in (*grey.mean, *grey.covariance)) and to_image(reference.small)
