"""A style: exact at 0, linear in between, whole or refused on the disk."""

import errno
import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from stylizer.backbones.mobilestylegan import SPEC
from stylizer.backbones.packing import STEP, pack
from stylizer.errors import DiskFullError, OutputError, StyleFileError
from stylizer.faces.deformation import LandmarkDeformation, Parts
from stylizer.inversion.code import Inversion
from stylizer.settings import RenderSettings
from stylizer.styles.render import draw
from stylizer.styles.style import CARD_FILE, TENSORS_FILE, Style, blended, load_style, make_card, save_style
from tests.tiny import BASE_HASH, TinyGenerator, random_style, render, tiny_backbone, tiny_networks

KEY = "0123456789abcdef" * 2


@pytest.fixture
def generator() -> TinyGenerator:
    return TinyGenerator()


@pytest.fixture
def w_plus() -> torch.Tensor:
    return torch.randn(SPEC.num_ws, SPEC.w_dim, generator=torch.Generator().manual_seed(5))


def named(style: Style) -> Style:
    return Style(KEY, "ink", style.delta, style.card)


def test_strength_0_is_the_base_bit_for_bit(generator: TinyGenerator, w_plus: torch.Tensor) -> None:
    base = generator(w_plus[None])
    assert torch.equal(render(tiny_backbone(generator), w_plus, random_style(generator), 0.0), base)
    assert torch.equal(render(tiny_backbone(generator), w_plus, None, 1.0), base)
    weights = blended(tiny_backbone(generator), random_style(generator), 0.0)
    assert all(weights[name] is tensor for name, tensor in generator.named_parameters())


class MeetingGenerator(TinyGenerator):
    """Every picture waits, while it is being drawn, for another one that is."""

    meeting = threading.Barrier(2, timeout=20)

    def forward(self, w_plus: torch.Tensor) -> torch.Tensor:
        self.meeting.wait()
        picture = super().forward(w_plus)
        self.meeting.wait()
        return picture


def test_two_threads_draw_in_two_styles_at_once(generator: TinyGenerator, w_plus: torch.Tensor) -> None:
    shared, styles = MeetingGenerator(), [random_style(generator, seed) for seed in (1, 2)]
    shared.load_state_dict(generator.state_dict())
    with ThreadPoolExecutor(2) as threads:
        drawn = list(threads.map(lambda style: render(tiny_backbone(shared), w_plus, style, 1.0), styles))
    for style, picture in zip(styles, drawn, strict=True):
        assert torch.equal(picture, render(tiny_backbone(generator), w_plus, style, 1.0))
    assert all(torch.equal(p, q) for p, q in zip(shared.parameters(), generator.parameters(), strict=True))


def test_rendering_leaves_the_generator_alone(generator: TinyGenerator, w_plus: torch.Tensor) -> None:
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    styled = render(tiny_backbone(generator), w_plus, random_style(generator), 1.3)
    assert not torch.equal(styled, render(tiny_backbone(generator), w_plus, None, 1.0))
    assert all(torch.equal(tensor, before[name]) for name, tensor in generator.state_dict().items())
    assert not styled.requires_grad


def test_weights_are_linear_in_the_strength(generator: TinyGenerator) -> None:
    style = random_style(generator)
    at = {strength: blended(tiny_backbone(generator), style, strength) for strength in (0.0, 0.4, 1.0, 1.5)}
    for name, delta in style.delta.items():
        for strength, weights in at.items():
            torch.testing.assert_close(weights[name], at[0.0][name] + strength * delta.float())
    assert at[1.0]["noise"] is generator.noise


def test_full_strength_is_the_network_that_was_trained(generator: TinyGenerator, w_plus: torch.Tensor) -> None:
    style, trained = random_style(generator), TinyGenerator()
    for name, parameter in trained.named_parameters():
        parameter.data += style.delta[name].float()
    torch.testing.assert_close(render(tiny_backbone(generator), w_plus, style, 1.0), trained(w_plus[None]))


def test_what_a_photo_changed_is_there_at_every_strength(generator: TinyGenerator, w_plus: torch.Tensor) -> None:
    style, tuned = random_style(generator), random_style(generator, 1).delta
    tuned_base = TinyGenerator()
    for name, parameter in tuned_base.named_parameters():
        parameter.data += tuned[name].float()
    for used, strength in ((None, 1.0), (style, 0.0)):
        torch.testing.assert_close(
            render(tiny_backbone(generator), w_plus, used, strength, tuned), tuned_base(w_plus[None])
        )
    torch.testing.assert_close(
        render(tiny_backbone(generator), w_plus, style, 0.8, tuned),
        render(tiny_backbone(tuned_base), w_plus, style, 0.8),
    )
    torch.testing.assert_close(generator(w_plus[None]), TinyGenerator()(w_plus[None]))


def test_a_code_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="w_plus"):
        draw(tiny_networks(), Inversion(torch.zeros(1, SPEC.num_ws, SPEC.w_dim), "fast"), None, RenderSettings())


def test_a_style_of_another_network_is_refused(w_plus: torch.Tensor) -> None:
    for delta in ({"spread": torch.zeros(2, 2).half()}, {"nowhere": torch.zeros(1).half()}):
        with pytest.raises(StyleFileError, match="another network"):
            draw(tiny_networks(), Inversion(w_plus, "fast"), Style(KEY, "ink", delta, {}), RenderSettings())


def test_round_trip(tmp_path: Path, generator: TinyGenerator) -> None:
    card = make_card({"iterations": 3, "seed": 1}, SPEC, BASE_HASH, "r" * 64)
    style = Style(KEY, "Tusche 墨", random_style(generator).delta, card)
    save_style(style, tmp_path / "a")
    loaded = load_style(tmp_path / "a", BASE_HASH)
    assert (loaded.key, loaded.name, loaded.card) == (style.key, style.name, style.card)
    assert loaded.delta.keys() == style.delta.keys()
    for name, tensor in style.delta.items():  # rounded, no further than the packing's step
        size = tensor.float().square().mean().sqrt()
        assert (loaded.delta[name].float() - tensor.float()).abs().max() <= 0.51 * STEP * size
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [CARD_FILE, TENSORS_FILE]


def test_the_same_style_gives_the_same_bytes(tmp_path: Path, generator: TinyGenerator) -> None:
    for folder in ("a", "b"):
        save_style(named(random_style(generator)), tmp_path / folder)
    for name in (TENSORS_FILE, CARD_FILE):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def _set_card(folder: Path, **facts: object) -> None:
    path = folder / CARD_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def _set_tensors(folder: Path, content: bytes) -> None:
    """Replace the weights, as one who knows of the card's hash."""
    (folder / TENSORS_FILE).write_bytes(content)
    _set_card(folder, sha256=hashlib.sha256(content).hexdigest())


def _flip_a_bit(folder: Path) -> None:
    path = folder / TENSORS_FILE
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _cut(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize(
    "tamper",
    [
        _flip_a_bit,
        lambda f: _cut(f, TENSORS_FILE),
        lambda f: _cut(f, CARD_FILE),
        lambda f: (f / TENSORS_FILE).unlink(),
        lambda f: (f / CARD_FILE).unlink(),
        lambda f: (f / CARD_FILE).write_text("[]"),
        lambda f: _set_tensors(f, b"no weights"),
        lambda f: _set_tensors(f, pack({"spread": torch.zeros(2, 2).half()})),
        lambda f: _set_tensors(f, pack({"nowhere": torch.zeros(2).half()})),
        lambda f: (f / CARD_FILE).write_text("[" * 50_000),
        lambda f: (f / CARD_FILE).write_text(json.dumps({"name": "x" * 10**6})),
        lambda f: _set_card(f, format=99),
        lambda f: _set_card(f, name=3),
        lambda f: _set_card(f, sha256=None),
        lambda f: _set_card(f, base_hash="1" * 64),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, generator: TinyGenerator, tamper: object) -> None:
    save_style(named(random_style(generator)), tmp_path)
    assert callable(tamper)
    tamper(tmp_path)
    with pytest.raises(StyleFileError, match="train it again"):
        load_style(tmp_path, BASE_HASH, {name: p.shape for name, p in generator.named_parameters()})


@pytest.mark.parametrize("version", [1, 2])
def test_a_style_of_an_earlier_version_says_so(tmp_path: Path, generator: TinyGenerator, version: int) -> None:
    save_style(named(random_style(generator)), tmp_path)
    _set_card(tmp_path, format=version, proportions={"eyes": 1.4}, bend=1.0)
    with pytest.raises(StyleFileError, match=r"earlier version .* learned it; train it again from its reference\.$"):
        load_style(tmp_path, BASE_HASH)


@pytest.mark.parametrize("lines", [1.5, -0.1, "many", True, None, [0.5]])
def test_lines_are_kept_and_wrong_ones_refused(tmp_path: Path, generator: TinyGenerator, lines: object) -> None:
    save_style(named(random_style(generator, lines=0.45)), tmp_path)
    assert load_style(tmp_path, BASE_HASH).lines == 0.45
    _set_card(tmp_path, lines=lines)
    with pytest.raises(StyleFileError, match=r"lines are not from 0 to 1; train it again"):
        load_style(tmp_path, BASE_HASH)


def test_a_deformation_is_kept_and_a_wrong_one_refused(tmp_path: Path, generator: TinyGenerator) -> None:
    deformation = LandmarkDeformation(parts=Parts(eye_factors=(1.2, 1.5)))
    save_style(named(random_style(generator, deformation=deformation.to_json())), tmp_path)
    assert load_style(tmp_path, BASE_HASH).deformation == deformation
    _set_card(tmp_path, deformation={**deformation.to_json(), "mouth_factor": 7})
    with pytest.raises(StyleFileError, match=r"deformation is not from 0\.4 to 2\.5; train it again"):
        load_style(tmp_path, BASE_HASH)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 9.0])
def test_a_diverged_style_is_not_saved(tmp_path: Path, value: float) -> None:
    with pytest.raises(StyleFileError, match="diverged"):
        save_style(Style(KEY, "ink", {"a": torch.tensor([value]).half()}, {}), tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_full_disk_leaves_nothing(tmp_path: Path, generator: TinyGenerator, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DiskFullError, match="room"):
        save_style(named(random_style(generator)), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_folders_place(tmp_path: Path, generator: TinyGenerator) -> None:
    (tmp_path / "a").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        save_style(named(random_style(generator)), tmp_path / "a")
