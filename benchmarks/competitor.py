"""What another method published: its photos, its references, and its results of each photo in each style."""

from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Competitor:
    """Pictures by name, all of them cut out as FFHQ's are.

    name: of the folder. results: by the names of photo and style; some may be missing.
    """

    name: str
    photos: dict[str, Path]
    references: dict[str, Path]
    results: dict[tuple[str, str], Path]


def read_competitor(folder: Path) -> Competitor:
    """The files photo_NAME, reference_STYLE and res_NAME_STYLE of a folder, in any usual format.

    Raises:
        FileNotFoundError: there are no photos, no references or no results.
    """
    files = {path.stem: path for path in sorted(folder.glob("*")) if path.suffix.lower() in SUFFIXES}
    photos, references = _named(files, "photo_"), _named(files, "reference_")
    pairs = [(photo, style) for photo in photos for style in references]
    results = {pair: files[name] for pair in pairs if (name := f"res_{pair[0]}_{pair[1]}") in files}
    if not results:
        raise FileNotFoundError(
            f"{folder} holds no results of another method; put photo_NAME, reference_STYLE and res_NAME_STYLE there."
        )
    return Competitor(folder.name, photos, references, results)


def _named(files: dict[str, Path], prefix: str) -> dict[str, Path]:
    return {stem.removeprefix(prefix): path for stem, path in files.items() if stem.startswith(prefix)}
