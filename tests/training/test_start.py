"""What learning a style starts at."""

from pathlib import Path

import pytest
import torch

from stylizer.backbones.functional import TunedGenerator
from stylizer.backbones.mobilestylegan import SHIPPED_START, draws_colors
from stylizer.backbones.packing import unpack
from stylizer.environment import presets_dir
from stylizer.styles.style import Style, load_style
from stylizer.training import start
from stylizer.training.start import mean_change
from stylizer.weights.load import Networks


def test_it_is_the_mean_without_the_layers_of_colours() -> None:
    one, other = (
        Style("", "", {"conv.weight": torch.full((2,), x), "to_rgb.weight": torch.ones(2)}, {}) for x in (1.0, 4.0)
    )
    assert {name: change.tolist() for name, change in mean_change([one, other]).items()} == {"conv.weight": [2.5, 2.5]}


@pytest.mark.slow
def test_the_one_that_ships_is_of_the_presets_that_ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made by its command; numbers of threads differ in a sum's last digits."""
    out = tmp_path / "start.safetensors.xz"
    monkeypatch.setattr("sys.argv", ["start", "--out", str(out)])
    start.main()
    (ours, _), (shipped, _) = unpack(out.read_bytes()), unpack(SHIPPED_START.read_bytes())
    assert ours.keys() == shipped.keys()
    comic = load_style(presets_dir() / "comic").delta
    for name, change in ours.items():
        assert torch.allclose(change.float(), shipped[name].float(), rtol=1e-3, atol=1e-5), name
        assert not torch.allclose(change.float(), comic[name].float(), rtol=1e-3, atol=1e-5), name


def test_learning_starts_there(networks: Networks) -> None:
    """All that is moved but colours; the base stays as it is."""
    backbone = networks.backbone
    tuned = TunedGenerator(backbone, fixed=backbone.spec.fixed)
    tuned.begin_at(backbone.start)
    for name, moved in tuned.moved.items():
        expected = 0 if draws_colors(name) else backbone.start[name].float()
        assert (moved.detach() - tuned.base[name] - expected).abs().max() < 1e-5, name
