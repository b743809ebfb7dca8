"""The tables that `quality.py` prints: results as they come, then means."""

import json
import math
import statistics

COLUMNS = ("part", "Gram", "palette", "hair", "background", "dlib", "MobileFaceNet", "drift %")
"""Of the table of results; `quality.py` tells what each means."""


class Report:
    """Prints rows as they come, and the means in the end."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, str, list[float]]] = []
        self._own_code: dict[str, float] = {}

    def begin(self) -> None:
        """The head of the table of results."""
        print("\n| style | photo | by | " + " | ".join(COLUMNS) + " |\n|---|---|---|" + "---:|" * len(COLUMNS))

    def add(self, style: str, photo: str, by: str, numbers: list[float]) -> None:
        """One result."""
        self._rows.append((style, by, numbers))
        self._print(style, photo, by, numbers)

    def add_own_code(self, style: str, distance: float) -> None:
        """How far a reference is from what its own code gives."""
        self._own_code[style] = distance

    def end(self) -> None:
        """Means of each reference and of all, and the references' own codes."""
        for style in self._own_code:
            for by, rows in self._by(style).items():
                self._print(f"**{style}**", f"mean of {len(rows)}", by, _means(rows))
        means = {by: _means(rows) for by, rows in self._by().items()}
        for by, numbers in means.items():
            self._print("**mean**", "all", by, numbers)
        print("\n| style | own code, LPIPS-HED |\n|---|---:|")
        for style, distance in self._own_code.items():
            print(f"| {style} | {distance:.3f} |")
        print(f"| **mean** | {statistics.fmean(self._own_code.values()):.3f} |\n")
        known = {by: {c: x for c, x in zip(COLUMNS, m, strict=True) if not math.isnan(x)} for by, m in means.items()}
        print(json.dumps(known))

    def _by(self, style: str | None = None) -> dict[str, list[list[float]]]:
        found: dict[str, list[list[float]]] = {}
        for name, by, numbers in self._rows:
            if style in {None, name}:
                found.setdefault(by, []).append(numbers)
        return found

    @staticmethod
    def _print(style: str, photo: str, by: str, numbers: list[float]) -> None:
        cells = ["-" if math.isnan(x) else f"{x:.2f}" for x in numbers]
        print(f"| {style} | {photo} | {by} | " + " | ".join(cells) + " |", flush=True)


def _means(rows: list[list[float]]) -> list[float]:
    """Of each column, what is not known left out."""
    columns = [[x for x in column if not math.isnan(x)] for column in zip(*rows, strict=True)]
    return [statistics.fmean(column) if column else math.nan for column in columns]
