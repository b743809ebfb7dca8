"""Pairs on the disk: made once, gone on with, the same again."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from stylizer.errors import PictureError
from stylizer.imaging.tensors import to_tensor
from stylizer.live.pairs import HELD_OUT, PLAIN, PairMaker, invented_code, open_pairs, picture_path
from tests.tiny import random_style, tiny_networks

SIDE = 32


def maker() -> PairMaker:
    networks = tiny_networks()
    return PairMaker(
        networks, {name: random_style(networks.backbone.generator, i) for i, name in enumerate("ab")}, SIDE
    )


def test_a_folder_is_gone_on_with(tmp_path: Path) -> None:
    maker().fill(tmp_path, range(2), 1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    kept = picture_path(tmp_path, 0, "a")
    kept.unlink()
    seen: list[int] = []
    maker().fill(tmp_path, range(3), 1, seen.append)
    assert seen == [0, 1, 2]
    assert {path: path.read_bytes() for path in before} == before
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png"))
    assert names == ["a/0000000.png", "a/0000002.png", "b/0000001.png", *(f"plain/000000{i}.png" for i in range(3))]


def test_pairs_are_the_renderer_s_pictures(tmp_path: Path) -> None:
    maker().fill(tmp_path, [0, HELD_OUT], 2)
    pairs = open_pairs(tmp_path, "b")
    assert (len(pairs), len(open_pairs(tmp_path, "b", held_out=True))) == (1, 1)
    for tensor, name in zip(pairs.read(0), (PLAIN, "b"), strict=True):
        torch.testing.assert_close(tensor, to_tensor(maker().draw(0, name)))
    assert not torch.equal(*pairs.read(0))


def test_faces_differ_by_their_number() -> None:
    networks = tiny_networks()
    one, again, other = (invented_code(networks, number) for number in (7, 7, 8))
    assert torch.equal(one, again)
    assert networks.spec.is_code(one)
    assert not torch.allclose(one, other)


def test_no_pairs(tmp_path: Path) -> None:
    (tmp_path / PLAIN).mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / PLAIN / "0000000.png")
    with pytest.raises(PictureError, match="no pairs of the style ink"):
        open_pairs(tmp_path, "ink")
