"""The finish in lines: strokes stay, scratches go, catchlights and grain are left alone."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from stylizer.backbones.mobilestylegan import SPEC
from stylizer.faces.mesh_parts import LEFT_EYE, LIPS, RIGHT_EYE
from stylizer.imaging.tensors import to_image
from stylizer.inversion.code import Inversion
from stylizer.settings import RenderSettings
from stylizer.styles.line_finish import coherence, in_lines, share_in_lines
from stylizer.styles.mixing import blend
from stylizer.styles.render import draw
from stylizer.styles.style import Style
from stylizer.weights.load import Networks

SIDE = 512
EVERYWHERE = torch.ones(1, 1, 64, 64)


def rings() -> Tensor:
    y, x = torch.meshgrid(*[torch.arange(SIDE, dtype=torch.float32)] * 2, indexing="ij")
    return (0.5 * torch.sin(torch.hypot(x - 200, y - 260) * (2 * math.pi / 8)))[None, None].expand(1, 3, -1, -1)


def noise(seed: int = 0) -> Tensor:
    return 0.3 * torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)).expand(1, 3, -1, -1)


def halftone() -> Tensor:
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    dots = ImageDraw.Draw(picture)
    for x in range(0, SIDE, 6):
        for y in range(0, SIDE, 6):
            dots.ellipse((x, y, x + 2, y + 2), fill="red")
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 127.5 - 1


def test_lines_are_coherent_and_grain_is_not() -> None:
    lines, grain, dots = (coherence(picture, EVERYWHERE) for picture in (rings(), noise(), halftone()))
    assert share_in_lines(lines) == 1.0
    assert share_in_lines(grain) == share_in_lines(dots) == 0.0
    assert lines > coherence(rings() + noise(), EVERYWHERE) > grain
    assert coherence(torch.zeros(1, 3, SIDE, SIDE), EVERYWHERE) == 1.0  # a plain surface has no grain to keep


def test_only_the_region_that_is_asked_for_counts() -> None:
    half = torch.zeros(1, 1, 64, 64)
    half[..., :28] = 1.0
    both = torch.where(torch.arange(SIDE) < SIDE // 2, rings(), noise())
    assert coherence(both, half) == pytest.approx(coherence(rings(), half), abs=0.02)
    assert coherence(both, 1 - half) < 0.3


def test_scratched_lines_come_nearer_to_clean_ones() -> None:
    clean, scratched = (to_image(x.clamp(-1, 1)) for x in (rings(), rings() + noise()))
    distances = [
        np.abs(np.asarray(in_lines(scratched, None, amount), float) - np.asarray(clean, float))[16:-16, 16:-16].mean()
        for amount in (0.0, 0.5, 1.0)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.5 * distances[0]


def test_an_eye_stays_as_it_is() -> None:
    mesh = np.full((468, 3), float(SIDE))  # far away, but for the eyes
    for eye, x in ((LEFT_EYE, 160), (RIGHT_EYE, 352)):
        turns = np.linspace(0, 2 * np.pi, len(eye), endpoint=False)
        mesh[eye, :2] = np.stack([x + 60 * np.cos(turns), 200 + 40 * np.sin(turns)], 1)
    drawn = to_image((rings() + noise()).clamp(-1, 1))
    change = np.abs(np.asarray(in_lines(drawn, mesh, 1.0), float) - np.asarray(drawn, float)).max(2)
    assert change[190:210, 150:170].max() == change[190:210, 342:362].max() == 0
    assert change[300:, :].mean() > 10


def test_soft_edges_become_crisp_those_of_lips_a_little_less(mean_mesh: np.ndarray) -> None:
    mesh = mean_mesh * (SIDE / 1024)
    mouth, cheek = (int(mesh[LIPS, 1].mean()), int(mesh[LIPS, 0].mean())), (120, int(mesh[LIPS, 0].mean()))
    ramp = torch.tanh((torch.arange(SIDE) - mouth[1]) / 4.0) * 0.8  # dark to light, across both
    drawn = to_image(ramp.expand(1, 3, SIDE, SIDE))
    result = np.asarray(in_lines(drawn, mesh, 1.0), float)[..., 0]
    before = np.abs(np.diff(np.asarray(drawn, float)[mouth[0], :, 0])).max()
    steps = [np.abs(np.diff(result[row, column - 20 : column + 20])).max() for row, column in (mouth, cheek)]
    assert 1.2 * before < steps[0] < steps[1]


def test_nothing_is_done_without_an_amount() -> None:
    drawn = to_image(noise().clamp(-1, 1))
    assert in_lines(drawn, None, 0.0) is drawn


def test_the_card_says_how_far_a_style_is_drawn_in_lines(networks: Networks) -> None:
    """At strength 0 and without texture nothing is smoothed; a card that says nothing means a grain."""
    u = torch.randn(1, 512, generator=torch.Generator().manual_seed(4))
    code = networks.backbone.wspace.to_w(0.7 * u).expand(SPEC.num_ws, -1).contiguous()
    inversion, scale = Inversion(code, "refined"), torch.Generator().manual_seed(0)
    named = networks.backbone.generator.named_parameters()
    delta = {n: (0.03 * p.square().mean().sqrt() * torch.randn(p.shape, generator=scale)).half() for n, p in named}
    bare = Style("", "", delta, {})
    lined = replace(bare, card={"lines": 1.0})

    def drawn(style: Style, settings: RenderSettings) -> bytes:
        return draw(networks, inversion, style, settings).tobytes()

    for settings in (RenderSettings(strength=0.0), RenderSettings(texture=0.0)):
        assert drawn(lined, settings) == drawn(bare, settings)
    assert drawn(lined, RenderSettings()) != drawn(bare, RenderSettings())
    assert drawn(replace(bare, card={"lines": 0.2}), RenderSettings()) == drawn(bare, RenderSettings())


def test_two_styles_meet_between_their_lines() -> None:
    one, other = (Style("", name, {}, {"lines": lines}) for name, lines in (("a", 0.2), ("b", 0.6)))
    assert blend(one, other, 0.25).lines == pytest.approx(0.3)
