"""Lists of inputs: .csv with a head line, or .jsonl, with the columns input, and where wanted style and face."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylizer.errors import SettingsError
from stylizer.files import clean_characters
from stylizer.video.choice import parse_choice

_SUFFIXES = (".csv", ".jsonl")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list.

    line: its number from 1 on; 0: the list as a whole. input: a path as written, from the list's folder on. style,
    faces: "" where the line says nothing. fault: one sentence where the line cannot be used, else "".
    """

    line: int
    input: str = ""
    style: str = ""
    faces: str = ""
    fault: str = ""


def is_list(path: Path) -> bool:
    """Whether a file is called like a list."""
    return path.suffix.lower() in _SUFFIXES


def rows(path: Path) -> Iterator[Row]:
    """The lines of a list; what cannot be used is among them, with its fault."""
    name = clean_characters(path.name)
    try:
        yield from _csv(path) if path.suffix.lower() == ".csv" else _jsonl(path)
    except (OSError, UnicodeDecodeError, csv.Error):
        yield Row(0, fault=f"{name} cannot be read as a list; save it as text in UTF-8.")


def _csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        if "input" not in (reader.fieldnames or ()):
            yield Row(0, fault=f'{clean_characters(path.name)} has no column "input"; give its columns a head line.')
            return
        for values in reader:
            yield _row(reader.line_num, values)


def _jsonl(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                values = json.loads(text)
            except ValueError:
                values = None
            yield _row(number, values) if isinstance(values, dict) else Row(number, fault=_FAULT.format(number))


_FAULT = 'Line {} is no JSON object; write one such as {{"input": "me.jpg", "style": "pencil"}} on each line.'


def _row(line: int, values: Mapping[str, Any]) -> Row:
    texts = {key: "" if values.get(key) is None else str(values[key]).strip() for key in ("input", "style", "face")}
    if not texts["input"] or "\0" in texts["input"]:
        return Row(line, fault=f"Line {line} names no input; leave it out, or give a path.")
    if texts["face"]:
        try:
            parse_choice(texts["face"])
        except SettingsError as error:
            return Row(line, fault=f"Line {line}: {error}")
    return Row(line, texts["input"], texts["style"], texts["face"])
