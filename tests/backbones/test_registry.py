"""Which face generator is in use, and what the commands say of one that is not there."""

import json
from pathlib import Path
from typing import Any

import pytest

from stylizer.backbones.registry import BACKBONES, DEFAULT_BACKBONE, choose_backbone
from stylizer.cli.main import main
from stylizer.errors import SettingsError
from stylizer.weights import stylegan2
from stylizer.weights.doctor import diagnose


def test_the_option_comes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STYLIZER_BACKBONE", raising=False)
    assert choose_backbone() == DEFAULT_BACKBONE == "mobilestylegan"
    monkeypatch.setenv("STYLIZER_BACKBONE", " StyleGAN2 ")
    assert choose_backbone() == "stylegan2" and choose_backbone("mobilestylegan") == "mobilestylegan"
    monkeypatch.setenv("STYLIZER_BACKBONE", "")
    assert choose_backbone() == DEFAULT_BACKBONE
    with pytest.raises(SettingsError, match=f"choose one of {', '.join(BACKBONES)}"):
        choose_backbone("nowhere")


def test_doctor_misses_it_only_where_it_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STYLIZER_BACKBONE", raising=False)
    optional, needed, unknown = (
        {check.name: check for check in diagnose(tmp_path, "cpu", name)} for name in (None, "stylegan2", "nowhere")
    )
    assert optional["backbone"].detail == "mobilestylegan" and optional["stylegan2"].ok
    assert "optional" in optional["stylegan2"].detail and "fetch --backbone stylegan2" in optional["stylegan2"].advice
    assert not needed["stylegan2"].ok and "generator and discriminator, encoder e4e" in needed["stylegan2"].detail
    assert not unknown["backbone"].ok and "STYLIZER_BACKBONE" in unknown["backbone"].advice


def test_commands_hand_it_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr("stylizer.weights.fetch.fetch_all", lambda *_: calls.append("base"))
    monkeypatch.setattr(stylegan2, "fetch_stylegan2", lambda *arguments: calls.append(arguments[3]))
    monkeypatch.setenv("STYLIZER_HOME", str(tmp_path))
    monkeypatch.delenv("STYLIZER_BACKBONE", raising=False)
    assert main(["fetch"]) == 0 and calls == ["base"]
    assert main(["fetch", "--backbone", "stylegan2", "--encoder", "me/mine@v2"]) == 0
    assert calls == ["base", "base", {"encoder": "me/mine@v2"}]
    assert main(["fetch", "--generator", "g.pt"]) == 2
    assert "add --backbone stylegan2" in capsys.readouterr().err

    def opened(**options: Any) -> Any:
        raise SettingsError(f"backbone={options['backbone']}")

    for words in (["train", "x.png", "--name", "x"], ["import", "x.stylizer"], ["pull", "x"]):
        assert main([*words, "--backbone", "stylegan2", "--json"], open_stylizer=opened) == 2
        assert json.loads(capsys.readouterr().out)["error"]["message"] == "backbone=stylegan2"
