"""What a batch is going to do: each input once, with all its styles, and names of results that cannot collide.

Convention:
    A result is called <folders>/<input>__<style>.png, of faces beyond the first <input>__<style>__face1.png. No part
    holds "__" itself, and no two inputs and no two styles have the same part, so no two results have the same name,
    also where the file system does not tell upper case from lower case.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from stylizer.batch.sources import Source, Wanted
from stylizer.errors import SettingsError, StylizerError
from stylizer.files import clean_file_name
from stylizer.video.choice import FaceChoice, parse_choice

SEPARATOR = "__"
_PART_BYTES_MAX = 90  # of either half of a name; file systems allow 255 in all


@dataclass(frozen=True, slots=True)
class StyleRef:
    """A style to draw in. key, name: as the library has them. part: its half of file names, unlike any other's."""

    key: str
    name: str
    part: str


@dataclass(frozen=True, slots=True)
class Request:
    """A style that is wanted of an input, and for which of its faces."""

    style: StyleRef
    faces: FaceChoice


@dataclass(frozen=True, slots=True)
class Item:
    """An input with all that is wanted of it. base: the first half of its results' names, with folders."""

    source: Source
    base: str
    requests: tuple[Request, ...]

    def file_of(self, request: Request, face: int = 0) -> str:
        """The name of a result, from the output folder on."""
        suffix = ".mp4" if self.source.kind == "video" else ".png"
        number = f"{SEPARATOR}face{face}" if face else ""
        return f"{self.base}{SEPARATOR}{request.style.part}{number}{suffix}"


def make_plan(
    wanted: Iterable[Wanted],
    styles: Sequence[str],
    find: Callable[[str], tuple[str, str]],
    faces: FaceChoice,
    bases: Mapping[str, str],
) -> list[Item]:
    """The items of a batch, in the order of their inputs.

    Args:
        wanted: what `find_sources` gave. styles, faces: of inputs that ask for none of their own.
        find: the (key, name) of a style by either of them; raises StylizerError.
        bases: of inputs that results were made of before, by their name; they keep them.
    Raises:
        SettingsError: an input without a style. What `find` raises for `styles`; an input that asks for a style that is
        not there has this as its fault.
    """
    refs = _Styles(find)
    common = [refs.get(name) for name in styles]
    asked: dict[tuple[object, ...], tuple[Source, dict[str, Request]]] = {}
    for each in wanted:
        source, chosen = each.source, parse_choice(each.faces) if each.faces else faces
        try:
            those = [refs.get(each.style)] if each.style else common
        except StylizerError as error:
            source = replace(source, name=f"{source.name} ({each.style})", fault=f"{source.name}: {error}")
            those = [StyleRef("", each.style, "style")]
        if not those and not source.fault:
            raise SettingsError(f"No style is given for {source.name}; name one with --style.")
        those = those or [StyleRef("", "", "style")]  # a fault is told once, whatever it was to be drawn in
        identity = (source.name,) if source.fault else source.identity
        _, requests = asked.setdefault(identity, (source, {}))
        for style in those:
            before = requests.get(style.key)
            requests[style.key] = Request(style, chosen if before is None else _both(before.faces, chosen))
    names = _Names(bases)
    return [Item(source, names.base(source), tuple(requests.values())) for source, requests in asked.values()]


def base_of(file: str) -> str:
    """The base that a result's name begins with."""
    return file.split(SEPARATOR, maxsplit=1)[0]


def _both(one: FaceChoice, other: FaceChoice) -> FaceChoice:
    """What serves either choice; the largest face is number 0."""
    if one == other:
        return one
    if "all" in {one.kind, other.kind}:
        return FaceChoice("all")
    return FaceChoice("chosen", tuple(sorted({*(one.numbers or (0,)), *(other.numbers or (0,))})))


class _Styles:
    """Finds each style once, and gives it a part of names of its own."""

    def __init__(self, find: Callable[[str], tuple[str, str]]) -> None:
        self._find = find
        self._found: dict[str, StyleRef] = {}
        self._parts: dict[str, str] = {}

    def get(self, name: str) -> StyleRef:
        if name not in self._found:
            key, own = self._find(name)
            part = _part(own, "style")
            if self._parts.setdefault(part.casefold(), key) != key:
                part = f"{part}-{key[:8]}"
                self._parts[part.casefold()] = key
            self._found[name] = StyleRef(key, own, part)
        return self._found[name]


class _Names:
    """Gives each input a base of its own; one that is new makes way for those that have results already."""

    def __init__(self, bases: Mapping[str, str]) -> None:
        self._bases = dict(bases)
        self._given = {base.casefold() for base in bases.values()}

    def base(self, source: Source) -> str:
        if (known := self._bases.get(source.name)) is not None:
            return known
        *folders, last = [part for part in source.place.split("/") if part not in {"", ".", ".."}] or ["picture"]
        stem = _part(PurePosixPath(last).stem, "picture")
        plain = "/".join([*(_part(folder, "folder") for folder in folders), stem])
        digest, length, base = hashlib.sha256(source.name.encode("utf-8", "surrogatepass")).hexdigest(), 6, plain
        while base.casefold() in self._given:
            base, length = f"{plain}-{digest[:length]}", length + 2
        self._given.add(base.casefold())
        self._bases[source.name] = base
        return base


def _part(text: str, default: str) -> str:
    """A part of a name: safe characters, never "__"."""
    text = re.sub(r"_{2,}", "_", text).strip("_") or default
    return clean_file_name(text.replace("/", "-"), default, _PART_BYTES_MAX).rstrip("_") or default
