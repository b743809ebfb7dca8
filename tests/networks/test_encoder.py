"""The encoder's passes, on looks of made-up numbers; and the looks themselves, on the real networks."""

from dataclasses import replace

import torch
from torch import Tensor

from stylizer.backbones.mobilestylegan import SPEC
from stylizer.faces.chip import cut_chip
from stylizer.faces.ffhq import CROP_SIZE
from stylizer.networks.encoder import PICTURE_SIDE, Code, Encoder, FaceFeatures, extract_features
from stylizer.weights.load import Networks


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def small() -> Encoder:
    torch.manual_seed(0)
    return Encoder(SPEC.num_ws, SPEC.w_dim, sizes=(8, 4), channels=16, depth=1, hidden=32, rank=4).eval()


def some_look(count: int, seed: int) -> FaceFeatures:
    parts = (8, 16, 16), (4, 8, 8), (128,), (3, PICTURE_SIDE, PICTURE_SIDE)
    return FaceFeatures(*(noise(count, *shape, seed=seed + i) for i, shape in enumerate(parts)))


def some_code(count: int) -> Code:
    return Code(noise(count, SPEC.w_dim, seed=8), noise(count, SPEC.num_ws, SPEC.w_dim, seed=9))


def test_before_any_training_a_pass_changes_nothing() -> None:
    code = some_code(3)
    found = small()(some_look(3, 0), some_look(3, 5), code)
    assert torch.equal(found.u, code.u) and torch.equal(found.offsets, code.offsets)


@torch.no_grad()
def test_faces_of_a_batch_do_not_see_each_other() -> None:
    encoder = small()
    for last in (encoder.to_u, encoder.to_offsets):
        last.weight.copy_(noise(*last.weight.shape, seed=1) / 10)
    photo, drawn, code = some_look(3, 0), some_look(3, 5), some_code(3)
    together = encoder(photo, drawn, code)
    for row in range(3):
        rows = slice(row, row + 1)
        alone = encoder(photo[rows], drawn[rows], code[rows])
        assert torch.allclose(alone.u, together.u[rows], atol=1e-4)
        assert torch.allclose(alone.offsets, together.offsets[rows], atol=1e-4)
    assert not torch.allclose(together.u[0] - code.u[0], together.u[1] - code.u[1], atol=1e-2)


@torch.no_grad()
def test_every_part_of_a_look_and_of_what_is_drawn_counts() -> None:
    encoder = small()
    encoder.to_u.weight.copy_(noise(*encoder.to_u.weight.shape, seed=1) / 10)
    photo, drawn, code = some_look(1, 0), some_look(1, 5), some_code(1)
    before = encoder(photo, drawn, code).u
    for name in ("fine", "coarse", "person", "picture"):
        other = getattr(some_look(1, 20), name)
        assert not torch.allclose(encoder(replace(photo, **{name: other}), drawn, code).u, before, atol=1e-4)
        assert not torch.allclose(encoder(photo, replace(drawn, **{name: other}), code).u, before, atol=1e-4)


@torch.no_grad()
def test_the_mean_look_is_kept_with_the_weights() -> None:
    encoder, other = small(), small()
    encoder.mean_features = some_look(1, 3)
    other.load_state_dict(encoder.state_dict())
    for mine, kept in zip(vars(some_look(1, 3)).values(), vars(other.mean_features).values(), strict=True):
        assert torch.equal(mine, kept)


@torch.no_grad()
def test_a_look_does_not_mind_the_contrast_but_the_person(networks: Networks) -> None:
    w = networks.backbone.wspace.to_w(0.8 * noise(2, SPEC.w_dim, seed=4))[:, None].expand(-1, SPEC.num_ws, -1)
    one, other = networks.backbone.heads(networks.backbone.generator.features(w, 4), w, 256).split(1)
    seen = []
    for picture in (one, 0.7 * one, other):
        chips = cut_chip(picture, networks.spec.mean_chip, CROP_SIZE)
        seen.append(extract_features(networks.perceptual, networks.identity, picture, chips))
    assert seen[0].fine.shape == (1, 560, 16, 16) and seen[0].coarse.shape == (1, 512, 8, 8)
    assert torch.equal(seen[0].picture, one)  # it has 256 px
    for part in ("coarse", "person"):
        plain, faint, stranger = (getattr(s, part) for s in seen)
        assert (plain - faint).norm() < 0.5 * (plain - stranger).norm()
    assert torch.allclose(networks.backbone.encoder.start(2).u, torch.zeros(2, SPEC.w_dim))
