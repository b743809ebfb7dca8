"""Finding faces that the generator invents, against dlib itself and against what FFHQ's alignment promises."""

import logging
import threading
from pathlib import Path

import dlib
import numpy as np
import pytest
from PIL import Image, ImageOps

from stylizer.backbones.ffhq import MEAN_LANDMARKS_XY
from stylizer.errors import FaceIndexError, NoFaceError, WeightsError
from stylizer.faces import FaceFinder, align, already_aligned, paste, warp
from stylizer.faces.boxes import Box, overlap
from stylizer.faces.ffhq import crop_affine
from stylizer.faces.finder import _on_grid
from stylizer.faces.mesh import MeshFace
from stylizer.weights import files
from stylizer.weights.load import landmark_files


def centre_of(box: Box) -> np.ndarray:
    return np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])


def drift(one: np.ndarray, other: np.ndarray) -> float:
    """How far two crops' corners are apart, in pixels of a 1024 px crop."""
    corners = np.array([[0, 0], [1023, 0], [1023, 1023], [0, 1023]])
    apart = np.hypot(*(warp.apply(one, corners) - warp.apply(other, corners)).T)
    return float(apart.max()) / warp.scale_of(one)


def test_two_faces_the_larger_first(finder: FaceFinder, group: Image.Image) -> None:
    faces = finder.find(group)
    assert [face.detector for face in faces] == ["mesh", "mesh"]
    assert np.hypot(*(centre_of(faces[0].box_xyxy) - (780, 460))) < 60
    assert np.hypot(*(centre_of(faces[1].box_xyxy) - (240, 276))) < 40
    for face, (x, y, side) in zip(faces, [(480, 100, 600), (60, 60, 360)], strict=True):
        assert face.landmarks_xy.shape == (68, 2) and face.landmarks_xy.dtype == np.float32
        assert (face.landmarks_xy > (x, y)).all() and (face.landmarks_xy < (x + side, y + side)).all()


def test_choose(finder: FaceFinder, group: Image.Image) -> None:
    faces = finder.find(group)
    for index in (0, 1):
        chosen = finder.choose(group, index)
        assert chosen.box_xyxy == faces[index].box_xyxy and (chosen.landmarks_xy == faces[index].landmarks_xy).all()
    for index in (2, 5, -1):
        with pytest.raises(FaceIndexError, match=r"2 faces were found.*choose 0 to 1"):
            finder.choose(group, index)


def test_no_face(finder: FaceFinder) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(90, 160, (60, 200, 3), np.uint8))
    assert finder.find(noise) == []
    with pytest.raises(NoFaceError, match="--already-aligned"):
        finder.choose(noise)


def test_landmarks_agree_with_dlibs_own(finder: FaceFinder, home: Path, invented: list[Image.Image]) -> None:
    """One plain call of the predictor on the detector's box: the refined landmarks stay close to it."""
    pixels = np.asarray(invented[0])
    rectangle = dlib.get_frontal_face_detector()(pixels, 0)[0]
    parts = dlib.shape_predictor(str(landmark_files(home)[0]))(pixels, rectangle).parts()
    plain = np.array([(part.x, part.y) for part in parts])
    face = finder.choose(invented[0])
    assert np.hypot(*(face.landmarks_xy - plain).T).mean() < 12  # of 1024
    assert overlap(face.box_xyxy, (rectangle.left(), rectangle.top(), rectangle.right(), rectangle.bottom())) > 0.5


def test_generated_faces_are_aligned_already(finder: FaceFinder, invented: list[Image.Image]) -> None:
    """The generator learned from FFHQ's crops, so cropping its faces must be nearly the identity."""
    for picture in invented:
        assert drift(np.array([[1.0, 0, 0], [0, 1, 0]]), crop_affine(finder.choose(picture).landmarks_xy)) < 30


@pytest.mark.parametrize(("angle", "scale"), [(0.3, 0.5), (-0.35, 0.8), (0.1, 1.3), (0.0, 0.13)])
def test_the_crop_follows_a_turned_and_scaled_photo(
    finder: FaceFinder, invented: list[Image.Image], angle: float, scale: float
) -> None:
    picture, side = invented[0], round(1400 * scale)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    move = np.column_stack([turn, np.full(2, (side - 1) / 2) - turn @ np.full(2, 511.5)])
    moved = warp.warp(picture, warp.invert(move), (side, side), mirror=False)
    there = crop_affine(finder.choose(moved).landmarks_xy)
    here = warp.compose(move, crop_affine(finder.choose(picture).landmarks_xy))
    assert drift(there, here) < (15 if scale > 0.2 else 40)


def test_large_photos_are_searched_small_but_measured_fine(finder: FaceFinder, invented: list[Image.Image]) -> None:
    large = Image.new("RGB", (5000, 3000), (120, 130, 140))
    large.paste(invented[0].resize((1800, 1800), Image.Resampling.LANCZOS), (2500, 600))
    face = finder.choose(large)
    move = warp.compose(warp.translation(2500, 600), warp.resizing(1800 / 1024, 1800 / 1024))
    assert (
        drift(crop_affine(face.landmarks_xy), warp.compose(move, crop_affine(finder.choose(invented[0]).landmarks_xy)))
        < 8
    )


class BlindMesh:
    """MediaPipe's networks where they see nothing."""

    def find(self, photo: Image.Image) -> list[MeshFace]:
        return []

    def confirm(self, photo: Image.Image, boxes: list[Box]) -> list[MeshFace | None]:
        return [None] * len(boxes)


class FixedHog:
    """dlib's HOG detector where it sees these boxes."""

    def __init__(self, *boxes: tuple[int, int, int, int]) -> None:
        self.boxes = boxes

    def run(self, *_: object) -> tuple[list[object], list[float], list[int]]:
        scores = [0.5, 1.5, 0.7, 0.1]
        return [dlib.rectangle(*box) for box in self.boxes], scores[: len(self.boxes)], [0] * len(self.boxes)


def without_mesh(home: Path) -> FaceFinder:
    finder = FaceFinder(home, fan=False)
    finder._mesh = BlindMesh()
    return finder


def test_hog_looks_where_the_mesh_is_blind(finder: FaceFinder, home: Path, group: Image.Image) -> None:
    faces, usual = without_mesh(home).find(group), finder.find(group)
    assert [face.detector for face in faces] == ["hog", "hog"]
    for face, other in zip(faces, usual, strict=True):
        assert drift(crop_affine(face.landmarks_xy), crop_affine(other.landmarks_xy)) < 15


def test_the_cnn_looks_where_hog_is_blind(finder: FaceFinder, home: Path, group: Image.Image) -> None:
    blind = without_mesh(home)
    blind._dlib._models["hog"] = FixedHog()
    small = group.resize((440, 320), Image.Resampling.LANCZOS)
    faces, usual = blind.find(small), finder.find(small)
    assert [face.detector for face in faces] == ["cnn", "cnn"]
    for face, other in zip(faces, usual, strict=True):
        assert drift(crop_affine(face.landmarks_xy), crop_affine(other.landmarks_xy)) < 30


def test_doubles_are_dropped(home: Path, invented: list[Image.Image]) -> None:
    finder = without_mesh(home)
    finder._dlib._models["hog"] = FixedHog(
        (200, 300, 800, 900), (210, 310, 820, 920), (400, 500, 600, 700), (0, 0, 100, 100)
    )
    boxes = [face.box_xyxy for face in finder.find(invented[0])]
    assert boxes == [(209.5, 309.5, 820.5, 920.5), (-0.5, -0.5, 100.5, 100.5)]


def test_what_dlib_finds_is_set_upright_by_the_mesh(home: Path, finder: FaceFinder, group: Image.Image) -> None:
    """The detectors are blind, dlib's box is right, and the photo lies on its side."""
    blind = FaceFinder(home, fan=False)
    mesh = blind.mesh_finder()
    blind._mesh = BlindMesh()
    blind._mesh.confirm = mesh.confirm
    lying, upright = group.transpose(Image.Transpose.ROTATE_90), finder.choose(group)
    left, top, right, bottom = (round(edge) for edge in upright.box_xyxy)
    blind._dlib._models["hog"] = FixedHog((top, group.width - 1 - right, bottom, group.width - 1 - left))
    face = blind.choose(lying)
    assert face.detector == "hog"
    turn = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, group.width - 1.0]])
    there = warp.compose(turn, crop_affine(upright.landmarks_xy))
    assert drift(crop_affine(face.landmarks_xy), there) < 15


def test_a_large_face_that_the_mesh_overlooks_comes_first(home: Path, finder: FaceFinder, group: Image.Image) -> None:
    """The largest face is the largest of all that any detector finds."""
    faces = finder.find(group)
    mesh, some = finder.mesh_finder(), FaceFinder(home, fan=False)
    some._mesh = BlindMesh()
    some._mesh.find = lambda photo: mesh.find(photo)[1:]  # the smaller one only
    some._mesh.confirm = mesh.confirm
    wide = Image.new("RGB", (2200, 1600), (128, 128, 128))
    wide.paste(group, (550, 400))
    found = some.find(wide)
    assert [face.detector for face in found] == ["hog", "mesh"]
    for face, other in zip(found, faces, strict=True):
        there = warp.compose(warp.translation(550, 400), crop_affine(other.landmarks_xy))
        assert drift(crop_affine(face.landmarks_xy), there) < 15


@pytest.mark.parametrize("angle", [45, 90, 130, 180, 270, 300])
def test_a_turned_face_is_set_upright(finder: FaceFinder, invented: list[Image.Image], angle: int) -> None:
    """The crop of a photo turned by any angle is the crop of the photo itself."""
    radians = np.radians(angle)
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    move = np.column_stack([turn, np.full(2, 749.5) - turn @ np.full(2, 511.5)])
    turned = warp.warp(invented[0], warp.invert(move), (1500, 1500), mirror=False)
    face, upright = finder.choose(turned), finder.choose(invented[0])
    there = warp.compose(move, crop_affine(upright.landmarks_xy))
    assert drift(crop_affine(face.landmarks_xy), there) < 15
    assert len(face.notes) == (1 if angle > 50 else 0) and all("set upright" in note for note in face.notes)
    aligned = align(turned, face)
    assert aligned.notes == face.notes and aligned.landmarks_xy is not None
    eyes, mouth = aligned.landmarks_xy[36:48].mean(0), aligned.landmarks_xy[48:60].mean(0)
    assert mouth[1] - eyes[1] > 200 > 5 * abs(mouth[0] - eyes[0])
    restored = np.abs(np.asarray(paste(aligned, aligned.crop), float) - np.asarray(turned, float))
    assert restored.mean() < 1


def test_a_face_that_fills_the_frame(finder: FaceFinder, invented: list[Image.Image]) -> None:
    box = (230, 330, 790, 930)
    face, usual = finder.choose(invented[0].crop(box)), finder.choose(invented[0])
    there = warp.compose(warp.translation(-box[0], -box[1]), crop_affine(usual.landmarks_xy))
    assert face.detector == "mesh" and drift(crop_affine(face.landmarks_xy), there) < 40


def test_small_faces_in_a_large_photo(finder: FaceFinder, invented: list[Image.Image]) -> None:
    """Seventy pixels between forehead and chin in twelve million: the whole photo in one look would miss it."""
    photo = Image.new("RGB", (4000, 3000), (120, 140, 110))
    photo.paste(invented[1].resize((110, 110), Image.Resampling.LANCZOS), (2890, 1700))
    face = finder.choose(photo)
    assert face.detector == "mesh"
    assert np.hypot(*(centre_of(face.box_xyxy) - (2945, 1763))) < 15


def test_the_choice_among_several_is_said(finder: FaceFinder, group: Image.Image, invented: list[Image.Image]) -> None:
    assert finder.choose(group).notes == ("2 faces were found; the largest is used.",)
    assert finder.choose(group, 1).notes == () and finder.choose(invented[0]).notes == ()
    pair = Image.new("RGB", (1400, 700), (128, 128, 128))
    pair.paste(invented[0].resize((640, 640)), (20, 30))
    pair.paste(invented[1].resize((700, 700)), (680, 0))
    (note,) = finder.choose(pair).notes
    assert "2 of them of nearly one size" in note and "number 2 of these from the left" in note


def test_same_picture_same_bits_from_several_threads(home: Path, group: Image.Image) -> None:
    finder, results = FaceFinder(home, fan=False), list[list[bytes]]()
    threads = [
        threading.Thread(target=lambda: results.append([f.landmarks_xy.tobytes() for f in finder.find(group)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 and all(len(result) == 2 and result == results[0] for result in results)


def test_the_last_digits_of_the_mesh_change_nothing(
    home: Path, invented: list[Image.Image], finder: FaceFinder
) -> None:
    """They differ between machines; the same picture must have the same landmarks on all of them."""
    mesh, shaken = finder.mesh_finder(), FaceFinder(home, fan=False)

    def shake(photo: Image.Image) -> list[MeshFace]:
        noise = np.random.default_rng(0).normal(scale=1e-3, size=(468, 3))
        return [MeshFace(face.points_xyz + noise, face.score) for face in mesh.find(photo)]

    shaken._mesh = BlindMesh()
    shaken._mesh.find = shake
    for picture in invented:
        assert (shaken.choose(picture).landmarks_xy == finder.choose(picture).landmarks_xy).all()


@pytest.mark.parametrize("angle", [0.0, 1.3, -2.9])
def test_round_numbers_move_the_crop_little(angle: float) -> None:
    linear = 1.7 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    crop = np.column_stack([linear, [412.3, -77.7]])
    on_grid = _on_grid(crop, 512)
    assert drift(on_grid, warp.compose(crop, warp.resizing(1, 1))) < 0.03 * 1024
    np.testing.assert_allclose(_on_grid(on_grid, 512), on_grid, atol=1e-9)


@pytest.mark.parametrize("name", [files.FACE_MESH.name, files.PREDICTOR.name])
@pytest.mark.parametrize("damaged", [None, b"no model"])
def test_missing_or_damaged_models(
    home: Path, tmp_path: Path, invented: list[Image.Image], name: str, damaged: bytes | None
) -> None:
    folder = files.weights_dir(tmp_path)
    folder.mkdir()
    for path in files.weights_dir(home).iterdir():
        if path.name != name:
            (folder / path.name).symlink_to(path)
    if damaged:
        (folder / name).write_bytes(damaged)
    with pytest.raises(WeightsError, match=rf"{name} .*missing or damaged; run `python -m stylizer fetch`"):
        FaceFinder(tmp_path, fan=False).find(invented[0])


def test_models_load_only_when_needed(tmp_path: Path) -> None:
    FaceFinder(tmp_path)


def test_another_landmarker_takes_over(home: Path, invented: list[Image.Image], finder: FaceFinder) -> None:
    """The mean face's landmarks, wherever the face: so the mapping back to the photo can be checked."""
    seen: list[tuple[int, ...]] = []

    def landmarker(pixels: np.ndarray, box: Box) -> np.ndarray:
        seen.append(pixels.shape)
        return np.add(np.array(MEAN_LANDMARKS_XY) * pixels.shape[0] / 1024, (7, 0))

    face = FaceFinder(home, fan=landmarker).choose(invented[0])
    assert len(seen) == 1 and seen[0][2] == 3
    usual = finder.choose(invented[0])
    inside = warp.apply(warp.invert(crop_affine(usual.landmarks_xy)), face.landmarks_xy)
    # Up to how far the mesh's crop lies from dlib's; the seven pixels of the smaller crop are fourteen of the larger.
    np.testing.assert_allclose(inside, np.add(MEAN_LANDMARKS_XY, (7 * 1024 / seen[0][0], 0)), atol=30)


@pytest.mark.parametrize("wrong", ["far", "a point"])
def test_landmarks_that_contradict_the_mesh_are_not_believed(
    home: Path, invented: list[Image.Image], finder: FaceFinder, wrong: str
) -> None:
    def landmarker(pixels: np.ndarray, box: Box) -> np.ndarray:
        points = np.array(MEAN_LANDMARKS_XY) * pixels.shape[0] / 1024
        return np.add(points, (0, 120)) if wrong == "far" else np.full((68, 2), 100.0)

    face, usual = FaceFinder(home, fan=landmarker).choose(invented[0]), finder.choose(invented[0])
    assert drift(crop_affine(face.landmarks_xy), crop_affine(usual.landmarks_xy)) < 60


def test_a_failing_landmarker_gives_way_to_dlib(
    home: Path, invented: list[Image.Image], finder: FaceFinder, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    def broken(pixels: np.ndarray, box: Box) -> np.ndarray:
        calls.append(1)
        raise RuntimeError("no such operator")

    fallback = FaceFinder(home, fan=broken)
    with caplog.at_level(logging.WARNING):
        faces = [fallback.choose(invented[0]) for _ in range(2)]
    assert len(calls) == 1 and "no such operator" in caplog.text
    assert all((face.landmarks_xy == finder.choose(invented[0]).landmarks_xy).all() for face in faces)


def test_from_photo_to_crop_and_back(finder: FaceFinder, group: Image.Image) -> None:
    for index in (0, 1):
        aligned = align(group, finder.choose(group, index), index)
        assert aligned.landmarks_xy is not None and aligned.face == index and aligned.photo is group
        eyes = aligned.landmarks_xy[36:48].mean(0)
        assert np.hypot(*(eyes - (511.5, 480))) < 40  # where FFHQ's eyes are
        again = crop_affine(finder.choose(aligned.crop).landmarks_xy)
        assert drift(np.array([[1.0, 0, 0], [0, 1, 0]]), again) < 15
        restored = np.asarray(paste(aligned, aligned.crop), float)
        assert np.abs(restored - np.asarray(group, float)).mean() < 0.5
        result = paste(aligned, ImageOps.invert(aligned.crop))
        other = finder.choose(group, 1 - index).box_xyxy
        box = tuple(round(edge) for edge in other)
        assert result.crop(box).tobytes() == group.crop(box).tobytes()


def test_already_aligned_finds_the_landmarks(finder: FaceFinder, invented: list[Image.Image]) -> None:
    wide = ImageOps.expand(invented[0].resize((512, 512), Image.Resampling.LANCZOS), (100, 0))
    aligned, face = already_aligned(wide, finder), finder.choose(invented[0])
    assert aligned.landmarks_xy is not None
    assert np.hypot(*(aligned.landmarks_xy - face.landmarks_xy).T).mean() < 6


def test_already_aligned_guesses_where_no_face_is_found(finder: FaceFinder) -> None:
    grey = Image.new("RGB", (256, 256), (128, 128, 128))
    points = already_aligned(grey, finder).landmarks_xy
    assert points is not None and np.isfinite(points).all()
    assert (points > 0).all() and (points < 1024).all() and np.ptp(points, axis=0).min() > 250
