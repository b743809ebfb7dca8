"""Finding faces that the generator invents, against dlib itself and against what FFHQ's alignment promises."""

import logging
import threading
from pathlib import Path

import dlib
import numpy as np
import pytest
from PIL import Image, ImageOps

from stylizer.errors import FaceIndexError, NoFaceError, WeightsError
from stylizer.faces import FaceFinder, align, already_aligned, paste, warp
from stylizer.faces.ffhq import crop_affine
from stylizer.faces.finder import Box
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
    assert [face.detector for face in faces] == ["hog", "hog"]
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
    noise = Image.fromarray(np.random.default_rng(0).integers(90, 160, (150, 200, 3), np.uint8))
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
    box = (rectangle.left() - 0.5, rectangle.top() - 0.5, rectangle.right() + 0.5, rectangle.bottom() + 0.5)
    assert face.box_xyxy == pytest.approx(box)


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


def test_the_cnn_looks_where_hog_is_blind(finder: FaceFinder, home: Path, group: Image.Image) -> None:
    blind = FaceFinder(*landmark_files(home), fan=False)
    blind._models["hog"] = _BlindDetector()
    small = group.resize((440, 320), Image.Resampling.LANCZOS)
    faces, usual = blind.find(small), finder.find(small)
    assert [face.detector for face in faces] == ["cnn", "cnn"]
    for face, other in zip(faces, usual, strict=True):
        assert drift(crop_affine(face.landmarks_xy), crop_affine(other.landmarks_xy)) < 30


class _BlindDetector:
    def run(self, *_: object) -> tuple[list[object], list[float], list[int]]:
        return [], [], []


def test_doubles_are_dropped(home: Path, invented: list[Image.Image]) -> None:
    finder = FaceFinder(*landmark_files(home), fan=False)

    class Stutterer:
        def run(self, *_: object) -> tuple[list[object], list[float], list[int]]:
            boxes = [(200, 300, 800, 900), (210, 310, 820, 920), (400, 500, 600, 700), (0, 0, 100, 100)]
            return [dlib.rectangle(*box) for box in boxes], [0.5, 1.5, 0.7, 0.1], [0] * 4

    finder._models["hog"] = Stutterer()
    boxes = [face.box_xyxy for face in finder.find(invented[0])]
    assert boxes == [(209.5, 309.5, 820.5, 920.5), (-0.5, -0.5, 100.5, 100.5)]


def test_same_picture_same_bits_from_several_threads(home: Path, group: Image.Image) -> None:
    finder, results = FaceFinder(*landmark_files(home), fan=False), list[list[bytes]]()
    threads = [
        threading.Thread(target=lambda: results.append([f.landmarks_xy.tobytes() for f in finder.find(group)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 and all(len(result) == 2 and result == results[0] for result in results)


@pytest.mark.parametrize("damaged", [None, b"no model"])
def test_missing_or_damaged_models(tmp_path: Path, invented: list[Image.Image], damaged: bytes | None) -> None:
    path = tmp_path / "predictor.dat"
    if damaged:
        path.write_bytes(damaged)
    with pytest.raises(WeightsError, match=r"predictor\.dat is missing or damaged; run `python -m stylizer fetch`"):
        FaceFinder(path, path, fan=False).find(invented[0])


def test_models_load_only_when_needed(tmp_path: Path) -> None:
    FaceFinder(tmp_path / "nothing.dat", tmp_path / "nothing.dat")


def test_another_landmarker_takes_over(home: Path, invented: list[Image.Image], finder: FaceFinder) -> None:
    seen: list[tuple[tuple[int, ...], Box]] = []

    def landmarker(pixels: np.ndarray, box: Box) -> np.ndarray:
        """Points of the box itself, so that the mapping back to the photo can be checked."""
        seen.append((pixels.shape, box))
        return np.linspace(box[:2], box[2:], 68)

    face = FaceFinder(*landmark_files(home), fan=landmarker).choose(invented[0])
    assert len(seen) == 1 and seen[0][0][2] == 3
    usual = finder.choose(invented[0])
    inside = warp.apply(warp.invert(crop_affine(usual.landmarks_xy)), face.landmarks_xy)
    # FFHQ's usual box, up to what the last of dlib's looks would still have moved.
    np.testing.assert_allclose(inside[[0, -1]], [[0.22 * 1024] * 1 + [0.32 * 1024], [0.78 * 1024, 0.88 * 1024]], atol=8)


def test_a_failing_landmarker_gives_way_to_dlib(
    home: Path, invented: list[Image.Image], finder: FaceFinder, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    def broken(pixels: np.ndarray, box: Box) -> np.ndarray:
        calls.append(1)
        raise RuntimeError("no such operator")

    fallback = FaceFinder(*landmark_files(home), fan=broken)
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
