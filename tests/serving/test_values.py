"""What form fields and programs' arguments are read as."""

from typing import Any

import pytest

from stylizer.errors import SettingsError
from stylizer.serving.values import boolean, choice, integer, number, text, train_settings
from stylizer.settings import INVERSION_MODES


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "True", " yes ", "on", "1"])
def test_yes(value: Any) -> None:
    assert boolean(value, "full_frame") is True


@pytest.mark.parametrize("value", [False, 0, 0.0, "false", "FALSE", "no", "off", "0"])
def test_no(value: Any) -> None:
    assert boolean(value, "full_frame", True) is False


@pytest.mark.parametrize("value", [None, ""])
def test_empty_is_the_default(value: Any) -> None:
    assert (boolean(value, "x", True), boolean(value, "x", False)) == (True, False)


@pytest.mark.parametrize("value", ["maybe", "2", 2, -1, 0.5, [], [True], {}, float("nan")])
def test_neither_yes_nor_no(value: Any) -> None:
    with pytest.raises(SettingsError, match="full_frame is neither true nor false"):
        boolean(value, "full_frame")


@pytest.mark.parametrize("value", [True, False, "much", "", [], {}, "nan", "inf", float("nan"), 10**400, "1e999"])
def test_no_number(value: Any) -> None:
    with pytest.raises(SettingsError, match="The strength is not a number"):
        number(value, "strength", 1.0)


def test_numbers() -> None:
    assert [number(value, "x") for value in (1, 0.5, "0.5", " 2 ", -3)] == [1, 0.5, 0.5, 2, -3]
    assert number(None, "x", 0.25) == 0.25
    assert [integer(value, "x") for value in (3, 3.0, "3")] == [3, 3, 3]
    assert (train_settings(None, None).iterations, train_settings(7, 3.0).seed) == (
        train_settings(None, 0).iterations,
        3,
    )
    for value in (1.5, "2.5"):
        with pytest.raises(SettingsError, match="give a whole number"):
            integer(value, "face")


def test_words() -> None:
    assert [text(value, "style") for value in (None, "", " Ink ")] == ["", "", "Ink"]
    for value in (5, True, ["Ink"], {}):
        with pytest.raises(SettingsError, match="style is not a text"):
            text(value, "style")
    assert choice(None, "inversion mode", INVERSION_MODES, "refined") == "refined"
    assert choice("fast", "inversion mode", INVERSION_MODES, "refined") == "fast"
    with pytest.raises(SettingsError, match="choose one of: fast, refined, faithful"):
        choice("deep", "inversion mode", INVERSION_MODES, "refined")
