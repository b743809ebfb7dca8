"""What is compared: photos, references, and what another method made of the same."""

from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
SIDE = 512
"""Pixels at which pictures are compared where there is no competitor, whose pictures may be smaller."""


@dataclass(frozen=True)
class Comparison:
    """Photos to draw, references to draw them in, and what another method made of the same; all by name.

    aligned: the pictures are cut out already. side: at which results are compared.
    results: the other method's, by photo and reference. Where there are any, only these pairs are drawn, so that means
        are over the same pictures.
    """

    photos: dict[str, Path]
    references: dict[str, Path]
    aligned: bool = False
    side: int = SIDE
    other: str = ""
    results: dict[tuple[str, str], Path] = field(default_factory=dict)


def read_competitor(folder: Path) -> Comparison:
    """Another method's pictures, all of them cut out as FFHQ's are, compared at the size of its smallest result.

    Args:
        folder: with the files photo_NAME, reference_STYLE and res_NAME_STYLE, in any usual format.
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
    side = min(min(Image.open(path).size) for path in results.values())
    return Comparison(photos, references, True, side, folder.name, results)


def _named(files: dict[str, Path], prefix: str) -> dict[str, Path]:
    return {stem.removeprefix(prefix): path for stem, path in files.items() if stem.startswith(prefix)}
