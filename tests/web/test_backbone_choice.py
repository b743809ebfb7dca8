"""The choice of a face generator on the page of one person, where more than one is installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stylizer.backbones.registry import BACKBONES
from stylizer.errors import SettingsError, WeightsError
from stylizer.serving.backbone_choice import BackboneChoice, choice_of
from stylizer.serving.engine import LazyStylizer
from stylizer.settings import BACKBONE_NAMES
from tests.fakes import FakeStylizer
from tests.web.page_handlers import Hands

PRESETS = {"mobilestylegan": ["Bronze", "Ink wash"], "stylegan2": []}


def opener_of(name: str) -> Callable[[Any], FakeStylizer]:
    def opener(_: Any) -> FakeStylizer:
        if name == "broken":
            raise WeightsError("The weights are damaged; fetch them again.")
        return FakeStylizer(presets=PRESETS[name])

    return opener


@pytest.fixture
def hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hands:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    lazy = LazyStylizer(opener_of("mobilestylegan"))
    lazy.wait()
    choice = BackboneChoice(lazy, opener_of, ("mobilestylegan", "stylegan2", "broken"), "mobilestylegan")
    made = Hands(tmp_path, lazy, backbones=choice)
    made.arrive()
    return made


def choose(hands: Hands, name: str) -> None:
    page = hands.page
    hands.set(page.backbone, name)
    hands.call(page.choose_backbone, page.backbone, page.state.visitor, page.state.styles_changed)


def test_another_generator_is_loaded_and_the_page_starts_anew(hands: Hands) -> None:
    page, style = hands.page, hands.portrait.style
    assert hands.choices(style.list.chosen) == ["Bronze", "Ink wash"]
    before, file = hands.value(page.state.styles_changed), hands.visitor.files.folder() / "x.png"
    file.write_bytes(b"x")
    choose(hands, "stylegan2")
    assert hands.note(page.backbone_note) == "Faces are drawn by stylegan2 now."
    assert hands.value(page.state.styles_changed) == before + 1 and not file.exists()
    hands.refresh()
    assert hands.choices(style.list.chosen) == []
    choose(hands, "mobilestylegan")
    hands.refresh()
    assert hands.choices(style.list.chosen) == ["Bronze", "Ink wash"]


def test_one_that_cannot_be_loaded_leaves_the_present_one(hands: Hands) -> None:
    page = hands.page
    before = hands.value(page.state.styles_changed)
    choose(hands, "broken")
    assert hands.note(page.backbone_note) == "The weights are damaged; fetch them again."
    assert hands.value(page.backbone) == "mobilestylegan" and hands.value(page.state.styles_changed) == before
    hands.refresh()
    assert hands.choices(hands.portrait.style.list.chosen) == ["Bronze", "Ink wash"]
    choose(hands, "nowhere")
    assert "There is no face generator nowhere here" in hands.note(page.backbone_note)


def test_one_is_not_changed_while_it_loads() -> None:
    lazy = LazyStylizer(lambda _: FakeStylizer())
    lazy._loading = True
    with pytest.raises(SettingsError, match="still being loaded"):
        BackboneChoice(lazy, opener_of, ("mobilestylegan", "stylegan2"), "mobilestylegan").choose("stylegan2")


def test_there_is_a_choice_where_two_are_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tuple(BACKBONES) == BACKBONE_NAMES
    monkeypatch.delenv("STYLIZER_BACKBONE", raising=False)
    lazy = LazyStylizer(opener_of("mobilestylegan"))
    assert choice_of(lazy, opener_of, None, tmp_path) is None
    manifest = tmp_path / "weights" / "stylegan2" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    made = choice_of(lazy, opener_of, None, tmp_path)
    assert made is not None and (made.names, made.chosen) == (BACKBONE_NAMES, "mobilestylegan")
    monkeypatch.setenv("STYLIZER_BACKBONE", "StyleGAN2")
    made = choice_of(lazy, opener_of, None, tmp_path)
    assert made is not None and made.chosen == "stylegan2"
