"""The whole story on a backbone of other sizes: nothing outside a backbone's folder may know its numbers."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import stylizer
from stylizer.backbones.mobilestylegan import SPEC
from stylizer.backbones.registry import BACKBONES, DEFAULT_BACKBONE
from stylizer.errors import OtherBackboneError, SettingsError
from stylizer.faces import AlignedFace
from stylizer.inversion.code import Inversion
from stylizer.inversion.faithful import Tuning, tune
from stylizer.inversion.refined import PHOTO_CONFIGS, invert
from stylizer.library.library import Library
from stylizer.settings import RenderSettings, TrainSettings
from stylizer.styles.finetune import finetune
from stylizer.styles.likeness import Search, find_likeness
from stylizer.styles.mixing import blend
from stylizer.styles.recipe import Recipe
from stylizer.styles.render import draw
from stylizer.styles.sampling import sample
from stylizer.styles.style import Style, make_card
from stylizer.weights.load import Networks, load_networks
from tests.backbones.other_backbone import OTHER, other_networks
from tests.face_readers import FixedReader

KEY = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def other(networks: Networks) -> Networks:
    return other_networks(networks)


@pytest.fixture(scope="module")
def inversion(other: Networks) -> Inversion:
    return Inversion(sample(other, 1, seed=1)[0], "fast")


@pytest.fixture(scope="module")
def face(other: Networks, inversion: Inversion) -> AlignedFace:
    landmarks = np.array(OTHER.mean_landmarks_xy, np.float32)
    return AlignedFace(draw(other, inversion, None, RenderSettings()), np.eye(2, 3), landmarks, None)


@pytest.fixture(scope="module")
def style(other: Networks, inversion: Inversion, face: AlignedFace, mean_mesh: np.ndarray) -> Style:
    """Its faces are none, so what sees them is told where they would be; one step on an invented one."""
    reader, recipe = FixedReader(mean_mesh), Recipe(pool=1, references=0)
    learned = finetune(other, [face], [inversion], TrainSettings(1), reader=reader, recipe=recipe)
    card = {**make_card({"iterations": 1}, OTHER, other.base_hash, "r" * 64), **learned.card}
    return replace(learned, key=KEY, name="ink", card=card)


def test_a_face_is_inverted_in_every_way(other: Networks, face: AlignedFace) -> None:
    for config in (PHOTO_CONFIGS["fast"], replace(PHOTO_CONFIGS["refined"], fine=1)):
        found = invert(other, face, config=config)
        assert found.w_plus.shape == (OTHER.num_ws, OTHER.w_dim) and torch.isfinite(found.w_plus).all()
    tuned = tune(other, face, found, tuning=Tuning(steps=1))
    assert tuned and all(OTHER.is_trunk(name) and not OTHER.is_frozen(name) for name in tuned)


def test_a_style_is_learned_and_drawn(other: Networks, inversion: Inversion, style: Style) -> None:
    assert style.delta and style.backbone == "other"
    move = find_likeness(other, style, inversion, search=Search(steps=1))
    assert move.shape == (OTHER.num_ws, OTHER.w_dim) and not move[OTHER.form_styles :].any()
    plain = draw(other, inversion, None, RenderSettings())
    styled = draw(other, inversion, style, RenderSettings(), likeness=move)
    assert plain.size == styled.size == (OTHER.side, OTHER.side)
    assert plain.tobytes() != styled.tobytes()


def test_the_other_backbone_refuses_it_in_one_sentence(networks: Networks, style: Style) -> None:
    mean = Inversion(networks.backbone.wspace.mean.expand(SPEC.num_ws, -1), "fast")
    with pytest.raises(OtherBackboneError, match=r"^The style ink .*other.*mobilestylegan is in use\.$"):
        draw(networks, mean, style, RenderSettings())
    with pytest.raises(SettingsError, match="same one"):
        blend(style, replace(style, name="oil", card={}), 0.5)
    assert blend(style, style, 0.5).backbone == "other"


def test_the_library_lists_it_and_does_not_load_it(tmp_path: Path, style: Style) -> None:
    Library(tmp_path, backbone="other", base_hash="0" * 64).put(style)
    library = Library(tmp_path, base_hash="1" * 64)
    assert [(info.name, info.backbone) for info in library.list()] == [("ink", "other")]
    with pytest.raises(OtherBackboneError, match="other"):
        library.find("ink")
    assert library.get(KEY) is None
    assert Library(tmp_path, backbone="other", base_hash="0" * 64).find("ink").backbone == "other"  # left in its place


def test_no_such_backbone_is_one_sentence(home: Path) -> None:
    with pytest.raises(SettingsError, match="choose one of mobilestylegan"):
        load_networks(home, torch.device("cpu"), backbone="nowhere")


def test_a_spec_agrees_with_itself() -> None:
    assert DEFAULT_BACKBONE in BACKBONES
    for name, loader in BACKBONES.items():
        spec = loader.spec
        assert spec.name == name
        assert spec.side == spec.map_side * spec.map_scale
        assert spec.head_side <= spec.side and spec.form_styles <= spec.finish_from <= spec.num_ws
        points = np.array(spec.mean_landmarks_xy)
        assert points.shape == (68, 2) and points.min() > 0 and points.max() < spec.side
        chip = np.array(spec.mean_chip)
        assert math.isclose(np.linalg.det(chip[:, :2]) ** 0.5, chip[0, 0], rel_tol=1e-6)


def test_the_real_parameters_follow_the_rules(networks: Networks) -> None:
    named = dict(networks.backbone.generator.named_parameters())
    rules = {"frozen": SPEC.is_frozen, "texture": SPEC.is_texture, "trunk": SPEC.is_trunk}
    counts = {rule: sum(p.numel() for name, p in named.items() if holds(name)) for rule, holds in rules.items()}
    assert all(0 < count < sum(p.numel() for p in named.values()) for count in counts.values())
    assert all(SPEC.is_trunk(name) for name in named if not SPEC.is_texture(name))


def test_no_number_of_a_backbone_is_imported_elsewhere() -> None:
    """What is a backbone's may be named where its own networks and start are made; nowhere else."""
    root = Path(stylizer.__file__).parent
    own = root / "backbones" / "mobilestylegan"
    allowed = {root / "backbones" / "registry.py", *(root / "training" / name for name in ("heads.py", "start.py"))}
    for path in root.rglob("*.py"):
        if own not in path.parents and path not in allowed:
            assert not re.search(r"backbones\.mobilestylegan", path.read_text("utf-8")), path
