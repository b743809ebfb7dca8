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
from torch import Tensor, nn
from torch.func import functional_call

from stylizer.backbones.functional import shallow_clone
from stylizer.errors import StyleFileError
from stylizer.faces.proportions import Proportions, proportions_from
from stylizer.files import write_atomically
from stylizer.settings import NUM_WS, W_DIM
from stylizer.styles.packing import LARGEST, pack, unpack

CARD_BYTES_MAX = 64 * 1024
TENSORS_BYTES_MAX = 16 * 2**20  # a style takes 1.4 MB
STYLE_FORMAT = 2  # raise it whenever the same reference and settings give another style than before
HEAD = "head:"  # before the names of the head's parameters in the file
TENSORS_FILE, CARD_FILE = "style.safetensors.xz", "card.json"
LICENCE_NOTE = (
    "Weights derived from MobileStyleGAN (Apache-2.0), itself distilled from NVIDIA's StyleGAN2-FFHQ, whose licence "
    "covers non-commercial use only; rights in the reference picture stay with its owner."
)


@dataclass(frozen=True, eq=False)
class Style:
    """What one fine-tune learned.

    key: 32 hexadecimal digits, the hash of everything the style depends on; "" before the library knows it.
    name: what users call it.
    delta: by parameter name of the generator, float16 on the CPU: fine-tuned weight minus base weight.
    head: by parameter name of the 256 px head, float16: the change that keeps it a proxy of this style's pictures.
    card: facts that JSON can hold: format, settings, base_hash, reference_hash, licence, created_by; proportions:
    of the reference, see `faces.proportions`; bend: how much of these belongs to the style, 0 to 1.
    """

    key: str
    name: str
    delta: Mapping[str, Tensor] = field(repr=False)
    card: Mapping[str, Any]
    head: Mapping[str, Tensor] = field(default_factory=dict, repr=False)

    @property
    def proportions(self) -> Proportions:
        """Of the faces in the reference, beside the mean face's."""
        return proportions_from(self.card.get("proportions", {}))

    @property
    def bend(self) -> float:
        """How much of them a face takes on at strength 1."""
        return float(self.card.get("bend", 0.0))


def make_card(settings: Mapping[str, Any], base_hash: str, reference_hash: str) -> dict[str, Any]:
    """The facts that every style carries with it."""
    return {
        "format": STYLE_FORMAT,
        "settings": dict(settings),
        "base_hash": base_hash,
        "reference_hash": reference_hash,
        "licence": LICENCE_NOTE,
        "created_by": "stylizer",
    }


def blended(
    generator: nn.Module, style: Style | None, strength: float, tuned: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """All weights of the generator at a strength, for `torch.func.functional_call`.

    Args:
        generator: the base network; it is not changed.
        style: None gives the base.
        strength: 0 = the base tensors themselves (so the output is bit-identical), 1 = the full style; any number.
        tuned: what one photo changed, whatever the strength.
    Returns:
        Every parameter and buffer by name; the changed ones are new tensors of the base's dtype, on the base's device.
    Raises:
        StyleFileError: the style does not fit this generator.
    """
    weights: dict[str, Tensor] = {**dict(generator.named_parameters()), **dict(generator.named_buffers())}
    changes = [(tuned or {}, 1.0)]
    if style is not None and strength != 0:
        check_fits(style, weights)
        changes.append((style.delta, strength))
    for change, share in changes:
        for name, delta in change.items():
            base = weights[name].detach()
            weights[name] = torch.add(base, delta.to(device=base.device, dtype=base.dtype), alpha=share)
    return weights


def check_fits(style: Style, weights: Mapping[str, Tensor]) -> None:
    """Raise StyleFileError unless every tensor of the style has its counterpart of the same shape among the weights."""
    for name, delta in style.delta.items():
        if name not in weights or weights[name].shape != delta.shape:
            raise StyleFileError(
                f"The style {style.name or style.key} was made for another network ({name} does not fit); "
                "train it again from its reference."
            )


@torch.no_grad()
def render(
    generator: nn.Module,
    w_plus: Tensor,
    style: Style | None,
    strength: float,
    tuned: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Draw a code with a style.

    Args:
        generator: a MobileGenerator; not changed.
        w_plus: (23, 512) float32, any device.
        style: None draws with the base network.
        strength: 0 = the base network, bit for bit; 1 = the full style.
        tuned: what one photo changed of the base network.
    Returns:
        (1, 3, 1024, 1024) float32 RGB, about [-1, 1], on the generator's device.
    Raises:
        StyleFileError: the style does not fit this generator.
    """
    if w_plus.shape != (NUM_WS, W_DIM):
        raise ValueError(f"w_plus is {tuple(w_plus.shape)}, not ({NUM_WS}, {W_DIM})")
    weights = blended(generator, style, strength, tuned)
    batch = w_plus[None].to(next(iter(weights.values())).device)
    # Without a change the network is called as it is: nothing can differ from the base, not even a hook.
    plain = not tuned and (style is None or strength == 0)
    image = generator(batch) if plain else functional_call(shallow_clone(generator), weights, (batch,))
    assert isinstance(image, Tensor)
    return image


def save_style(style: Style, folder: Path) -> None:
    """Write the packed weights and card.json into a folder, each through a temporary name, the card last.

    Raises:
        StyleFileError: a delta is not finite, or huge (the training diverged).
        DiskFullError, OutputError: the files cannot be written.
    """
    changes = {**style.delta, **{HEAD + name: delta for name, delta in style.head.items()}}
    for name, delta in changes.items():
        if not (delta.abs() <= LARGEST).all():  # NaN fails too
            raise StyleFileError(f"The training diverged (in {name}); train with fewer iterations.")
    tensors = pack(changes)
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
    if card.get("format") != STYLE_FORMAT:
        raise _unusable(what, f"its format is not {STYLE_FORMAT}")
    return card


def load_style(folder: Path, base_hash: str | None = None, shapes: Mapping[str, torch.Size] | None = None) -> Style:
    """Read what `save_style` wrote; the arguments and errors are those of `parse_style`."""
    card = _content(folder, CARD_FILE, CARD_BYTES_MAX)
    return parse_style(card, _content(folder, TENSORS_FILE, TENSORS_BYTES_MAX), _stored(folder), base_hash, shapes)


def parse_style(
    card_content: bytes,
    tensors: bytes,
    what: str,
    base_hash: str | None = None,
    shapes: Mapping[str, torch.Size] | None = None,
) -> Style:
    """A style from the bytes of its two files, wherever they come from. Nothing is unpickled.

    Args:
        card_content, tensors: of card.json and style.safetensors.xz.
        what: begins the error's sentence, as "The stored style ink".
        base_hash: of the generator in use; None skips this check.
        shapes: of its parameters, and of the head's, these with HEAD before their names; None skips this check.
    Raises:
        StyleFileError: missing, damaged (hash, dtype, NaN, huge), or made for another base network.
    """
    card = parse_card(card_content, what)
    if base_hash is not None and card.get("base_hash") != base_hash:
        raise _unusable(what, "it was made for another base network")
    if len(tensors) > TENSORS_BYTES_MAX:
        raise _unusable(what, f"{TENSORS_FILE} is too large")
    if hashlib.sha256(tensors).hexdigest() != card["sha256"]:
        raise _unusable(what, f"{TENSORS_FILE} is not the file that its card describes")
    try:
        delta = unpack(tensors)
    except ValueError as error:
        raise _unusable(what, str(error)) from error
    for name, tensor in delta.items():
        if shapes is not None and shapes.get(name) != tensor.shape:
            raise _unusable(what, "its numbers do not fit this network")
    head = {name.removeprefix(HEAD): delta.pop(name) for name in list(delta) if name.startswith(HEAD)}
    if head and shapes is not None and len(head) < sum(name.startswith(HEAD) for name in shapes):
        raise _unusable(what, "a part of its head is missing")
    facts = {k: v for k, v in card.items() if k not in {"key", "name", "sha256"}}
    return _checked(Style(card["key"], card["name"], delta, facts, head), what)


def _checked(style: Style, what: str) -> Style:
    try:
        if style.proportions and not 0 <= style.bend <= 1:
            raise ValueError("its bend is not from 0 to 1")
    except (TypeError, ValueError, OverflowError) as error:
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


def _unusable(what: str, why: str) -> StyleFileError:
    why = "".join(c if c.isprintable() else "?" for c in why)[:200]  # names in it may be anybody's
    return StyleFileError(f"{what} cannot be used: {why}; train it again from its reference.")
