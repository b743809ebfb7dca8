"""A style is a value: what one fine-tune changed in the generator, and a card that says where it comes from.

One fine-tune, then any strength at once: weights(strength) = base + strength * delta. The shared generator is never
changed; the blended weights are handed to it for one call only.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylizer.backbones.base import Backbone, BackboneSpec
from stylizer.backbones.packing import LARGEST, pack, unpack
from stylizer.backbones.registry import DEFAULT_BACKBONE
from stylizer.errors import OtherBackboneError, StyleFileError
from stylizer.faces.deformation import LandmarkDeformation, deformation_from
from stylizer.files import write_atomically
from stylizer.styles.colours import ColourSpread, colours_from
from stylizer.styles.complexion import angle_of
from stylizer.styles.example import Example
from stylizer.styles.outlines import Outline, outlines_from

CARD_BYTES_MAX = 64 * 1024
TENSORS_BYTES_MAX = 16 * 2**20  # a style takes 1.5 MB
STYLE_FORMAT = 4  # raise it whenever the same reference and settings give another style than before
SHAPE, IN_WEIGHTS = "shape", "weights"  # an entry of cards, see `Style.has_shape_in_weights`
TENSORS_FILE, CARD_FILE = "style.safetensors.xz", "card.json"


@dataclass(frozen=True, eq=False)
class Style:
    """What one fine-tune learned.

    key: 32 hexadecimal digits, the hash of everything the style depends on; "" before the library knows it.
    name: what users call it.
    delta: by parameter name of the generator, float16 on the CPU: fine-tuned weight minus base weight.
    card: facts that JSON can hold: format, settings, backbone, base_hash, reference_hash, licence, created_by;
    deformation: how it draws the parts of a face larger or elsewhere, see `faces.deformation`; may be missing. lines:
    the coherence of its references, see `line_finish`; 0 where missing. colours: how these are spread in its first
    reference, see `styles.colours`; may be missing. outlines: how the references draw a person's outline, see
    `styles.outlines`; may be missing. shape: "weights" where no deformation was measured; else missing.
    examples: faces of references that lend drawn ones their strokes, and how much each does, 0 to 1.
    """

    key: str
    name: str
    delta: Mapping[str, Tensor] = field(repr=False)
    card: Mapping[str, Any]
    examples: tuple[tuple[Example, float], ...] = field(default=(), repr=False)

    @property
    def backbone(self) -> str:
        """Name of the generator that it is a change of; cards of the first one name none."""
        return backbone_of(self.card)

    @property
    def deformation(self) -> LandmarkDeformation:
        """What the style makes of a face's proportions at strength 1; none where the card says nothing of it."""
        return deformation_from(self.card["deformation"]) if "deformation" in self.card else LandmarkDeformation()

    @property
    def has_shape_in_weights(self) -> bool:
        """Whether its shape is what it changes in the coarse weights, without a deformation that tells it apart."""
        return self.card.get(SHAPE) == IN_WEIGHTS

    @property
    def lines(self) -> float:
        """How much of its references' details runs in lines, 0 to 1; 0 where the card says nothing of it.

        Raises:
            ValueError: the card says nothing sensible of it.
        """
        lines = self.card.get("lines", 0.0)
        if isinstance(lines, bool) or not isinstance(lines, int | float) or not 0 <= lines <= 1:
            raise ValueError("its lines are not from 0 to 1")
        return float(lines)

    @property
    def colours(self) -> dict[str, ColourSpread]:
        """How colours are spread in its first reference's face and hair; nothing where the card says nothing of it.

        Raises:
            ValueError: the card says nothing sensible of it.
        """
        return colours_from(self.card.get("colours", {}))

    @property
    def complexion(self) -> float | None:
        """Its sitters', see `styles.complexion`: those of its examples, else of the first reference's painted face.

        Raises:
            ValueError: the card says nothing sensible of colours.
        """
        known = [(each.complexion, share) for each, share in self.examples if each.complexion is not None]
        if known and (total := sum(share for _, share in known)):
            return sum(angle * share for angle, share in known) / total
        face = self.colours.get("face")
        return None if face is None else angle_of(torch.tensor(face.mean))

    @property
    def outlines(self) -> tuple[Outline, ...]:
        """How its references draw a person's outline; nothing where they draw none, or the card says nothing of it.

        Raises:
            ValueError: the card says nothing sensible of it.
        """
        return outlines_from(self.card.get("outlines", []))


def backbone_of(card: Mapping[str, Any]) -> str:
    """The backbone's name in a card; what is no text is shown as text."""
    return str(card.get("backbone", DEFAULT_BACKBONE))


def make_card(settings: Mapping[str, Any], spec: BackboneSpec, base_hash: str, reference_hash: str) -> dict[str, Any]:
    """The facts that every style carries with it."""
    return {
        "format": STYLE_FORMAT,
        "settings": dict(settings),
        "backbone": spec.name,
        "base_hash": base_hash,
        "reference_hash": reference_hash,
        "licence": spec.licence,
        "created_by": "stylizer",
    }


def blended(
    backbone: Backbone, style: Style | None, strength: float, tuned: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """All weights of the generator at a strength, for `torch.func.functional_call`.

    Args:
        backbone: its generator is the base, which is not changed.
        style: None gives the base.
        strength: 0 = the base tensors themselves (so the output is bit-identical), 1 = the full style; any number.
        tuned: what one photo changed, whatever the strength.
    Returns:
        Every parameter and buffer by name; the changed ones are new tensors of the base's dtype, on the base's device.
    Raises:
        StyleFileError: the style does not fit this generator.
    """
    generator = backbone.generator
    weights: dict[str, Tensor] = {**dict(generator.named_parameters()), **dict(generator.named_buffers())}
    changes = [(tuned or {}, 1.0)]
    if style is not None and strength != 0:
        check_fits(style, backbone.spec.name, weights)
        changes.append((style.delta, strength))
    for change, share in changes:
        for name, delta in change.items():
            base = weights[name].detach()
            weights[name] = torch.add(base, delta.to(device=base.device, dtype=base.dtype), alpha=share)
    return weights


def check_fits(style: Style, backbone: str, weights: Mapping[str, Tensor]) -> None:
    """Raise StyleFileError unless every tensor of the style has its counterpart of the same shape among the weights.

    Raises:
        OtherBackboneError: the style is a change of another generator than the one of this name.
    """
    if style.backbone != backbone:
        raise OtherBackboneError(
            f"The style {style.name or style.key} cannot be drawn: {_other(style.card, backbone)}."
        )
    for name, delta in style.delta.items():
        if name not in weights or weights[name].shape != delta.shape:
            raise StyleFileError(
                f"The style {style.name or style.key} was made for another network ({name} does not fit); "
                "train it again from its reference."
            )


def save_style(style: Style, folder: Path) -> None:
    """Write the packed weights and card.json into a folder, each through a temporary name, the card last.

    Raises:
        StyleFileError: a delta is not finite, or huge (the training diverged).
        DiskFullError, OutputError: the files cannot be written.
    """
    for name, delta in style.delta.items():
        if not (delta.abs() <= LARGEST).all():  # NaN fails too
            raise StyleFileError(f"The training diverged (in {name}); train with fewer iterations.")
    tensors = pack(style.delta, style.examples[0][0].to_tensors() if style.examples else None)
    card = {**style.card, "key": style.key, "name": style.name, "sha256": hashlib.sha256(tensors).hexdigest()}
    write_atomically(folder / TENSORS_FILE, tensors)
    write_card(folder, card)


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Replace a folder's card.json; the errors are those of `write_atomically`."""
    write_atomically(folder / CARD_FILE, card_bytes(card))


def card_bytes(card: Any) -> bytes:
    """The content of a card.json. Raises ValueError, RecursionError: it holds what JSON or UTF-8 cannot."""
    return json.dumps(card, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()


def read_card(folder: Path) -> dict[str, Any]:
    """A stored style's card, with "key", "name" and "sha256" in it.

    Raises:
        StyleFileError: missing, or not a card of this format.
    """
    return parse_card(_content(folder, CARD_FILE, CARD_BYTES_MAX), _stored(folder))


def parse_card(content: bytes, what: str) -> dict[str, Any]:
    """A card from its bytes, wherever they come from. Whatever is returned can be written again.

    Args:
        content: of card.json.
        what: begins the error's sentence, as "The stored style ink".
    Raises:
        StyleFileError: it is not a card of this format.
    """
    if len(content) > CARD_BYTES_MAX:
        raise _unusable(what, "its card is too large")
    try:
        card = json.loads(content)
        card_bytes(card)  # NaN, infinity and half a surrogate can be read, but not written
    except (ValueError, RecursionError) as error:
        raise _unusable(what, "its card cannot be read") from error
    if not isinstance(card, dict) or any(not isinstance(card.get(k), str) for k in ("key", "name", "sha256")):
        raise _unusable(what, "its card is incomplete")
    version = card.get("format")
    if version != STYLE_FORMAT:
        is_older = isinstance(version, int) and version < STYLE_FORMAT
        why = "an earlier version of the program learned it" if is_older else f"its format is not {STYLE_FORMAT}"
        raise _unusable(what, why)
    return card


def load_style(
    folder: Path,
    base_hash: str | None = None,
    shapes: Mapping[str, torch.Size] | None = None,
    *,
    backbone: str = DEFAULT_BACKBONE,
) -> Style:
    """Read what `save_style` wrote; the arguments and errors are those of `parse_style`."""
    card = _content(folder, CARD_FILE, CARD_BYTES_MAX)
    tensors = _content(folder, TENSORS_FILE, TENSORS_BYTES_MAX)
    return parse_style(card, tensors, _stored(folder), base_hash, shapes, backbone=backbone)


def parse_style(
    card_content: bytes,
    tensors: bytes,
    what: str,
    base_hash: str | None = None,
    shapes: Mapping[str, torch.Size] | None = None,
    *,
    backbone: str = DEFAULT_BACKBONE,
) -> Style:
    """A style from the bytes of its two files, wherever they come from. Nothing is unpickled.

    Args:
        card_content, tensors: of card.json and style.safetensors.xz.
        what: begins the error's sentence, as "The stored style ink".
        base_hash: of the generator in use; None skips this check.
        shapes: of its parameters; None skips this check.
        backbone: name of the generator in use; with base_hash None, styles of any are read.
    Raises:
        OtherBackboneError: made for another backbone.
        StyleFileError: missing, damaged (hash, dtype, NaN, huge), or made for other weights of this backbone.
    """
    card = parse_card(card_content, what)
    if base_hash is not None and backbone_of(card) != backbone:
        raise OtherBackboneError(f"{what} cannot be used: {_other(card, backbone)}.")
    if base_hash is not None and card.get("base_hash") != base_hash:
        raise _unusable(what, "it was made for another base network")
    if len(tensors) > TENSORS_BYTES_MAX:
        raise _unusable(what, f"{TENSORS_FILE} is too large")
    if hashlib.sha256(tensors).hexdigest() != card["sha256"]:
        raise _unusable(what, f"{TENSORS_FILE} is not the file that its card describes")
    try:
        delta, example = unpack(tensors)
        examples = ((Example.from_tensors(example), 1.0),) if example else ()
    except ValueError as error:
        raise _unusable(what, str(error)) from error
    for name, tensor in delta.items():
        if shapes is not None and shapes.get(name) != tensor.shape:
            raise _unusable(what, "its numbers do not fit this network")
    facts = {k: v for k, v in card.items() if k not in {"key", "name", "sha256"}}
    return _checked(Style(card["key"], card["name"], delta, facts, examples), what)


def _checked(style: Style, what: str) -> Style:
    try:
        _ = style.deformation, style.lines, style.colours, style.outlines
    except ValueError as error:
        raise _unusable(what, str(error)) from error
    return style


def _content(folder: Path, name: str, limit: int) -> bytes:
    """A stored file's content, of which no more than the limit and one byte is read."""
    try:
        with (folder / name).open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        reason = "its card cannot be read" if name == CARD_FILE else f"{name} cannot be read"
        raise _unusable(_stored(folder), reason) from error


def _stored(folder: Path) -> str:
    return f"The stored style {folder.name}"


def _other(card: Mapping[str, Any], backbone: str) -> str:
    return _printable(f"it was made for the face generator {backbone_of(card)}, and {backbone} is in use")


def _unusable(what: str, why: str) -> StyleFileError:
    return StyleFileError(f"{what} cannot be used: {_printable(why)}; train it again from its reference.")


def _printable(text: str) -> str:
    """A part of a sentence with names in it, which may be anybody's."""
    return "".join(c if c.isprintable() else "?" for c in text)[:200]
