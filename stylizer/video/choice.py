"""Which of the faces in a video are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stylizer.errors import SettingsError

_LARGER = 1.3  # times the side of the one that is drawn: from there on another face is "the largest"
_PATIENCE = 12  # frames for which it must be that


@dataclass(frozen=True)
class FaceChoice:
    """kind: "all", "largest" or "chosen". numbers: of the chosen ones, in the order in which faces appear, from 0."""

    kind: str = "all"
    numbers: tuple[int, ...] = ()


def parse_choice(text: "str | Sequence[int] | FaceChoice") -> FaceChoice:
    """ "all", "largest", "0,2" or (0, 2).

    Raises:
        SettingsError: anything else.
    """
    if isinstance(text, FaceChoice):
        return text
    if isinstance(text, str) and text.strip().lower() in {"all", "largest"}:
        return FaceChoice(text.strip().lower())
    try:
        parts = text.split(",") if isinstance(text, str) else list(text)
        numbers = tuple(dict.fromkeys(int(part) for part in parts))
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or min(numbers) < 0:
        raise SettingsError(f"The faces are {text!r}; choose all, largest, or numbers from 0 on, such as 0,2.")
    return FaceChoice("chosen", numbers)


class FaceChooser:
    """Chooses among the faces of each frame. The largest does not change from frame to frame where two are alike."""

    def __init__(self, choice: FaceChoice) -> None:
        self._choice = choice
        self._current: int | None = None
        self._beaten = 0  # frames

    def __call__(self, sides: Mapping[int, float]) -> list[int]:
        """The numbers of the faces to draw.

        Args:
            sides: of the faces in the frame, in pixels, by number.
        """
        if self._choice.kind == "all":
            return sorted(sides)
        if self._choice.kind == "chosen":
            return [number for number in self._choice.numbers if number in sides]
        if not sides:
            return []
        largest = max(sides, key=lambda number: sides[number])
        if self._current is None or self._current not in sides:
            self._current, self._beaten = largest, 0
        elif sides[largest] > _LARGER * sides[self._current]:
            self._beaten += 1
            if self._beaten >= _PATIENCE:
                self._current, self._beaten = largest, 0
        else:
            self._beaten = 0
        return [self._current]
