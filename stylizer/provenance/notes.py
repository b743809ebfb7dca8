"""What a result tells of itself: a note that it is AI-generated, an invisible watermark, and content credentials.

Results reach the disk by `save_result`, and `inspect_picture` reads back what it wrote. Nothing of the photo's own
metadata is ever copied: the pictures come as bare pixels.
"""

import hashlib
import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from stylizer import __version__
from stylizer.files import write_atomically
from stylizer.imaging.opening import open_picture
from stylizer.imaging.saving import encode_picture, save_picture
from stylizer.provenance.credentials import sign, verify
from stylizer.provenance.pattern import PAYLOAD_BYTES
from stylizer.provenance.watermark import Mark, detect, embed

if TYPE_CHECKING:
    from stylizer.styles.style import Style

PROGRAM = "Stylizer"
NO_STYLE = bytes(PAYLOAD_BYTES)
Subject = Literal["photo", "whole photo", "video", "nobody"]

_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_SENTENCES: dict[Subject, str] = {
    "photo": "AI-generated: drawn from a photo by a neural network",
    "whole photo": "AI-generated in part: the face in this photo was drawn by a neural network",
    "video": "AI-generated in part: faces in this video were drawn by a neural network",
    "nobody": "AI-generated: this person was invented by a neural network",
}
_MIMES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
_SUFFIX_MIMES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
_IMAGE_DESCRIPTION, _SOFTWARE, _EXIF_IFD, _USER_COMMENT = 0x010E, 0x0131, 0x8769, 0x9286
_XMP_MAX = 1_000_000  # bytes; ours have two thousand
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:stylizer="urn:stylizer:provenance:1"
 Iptc4xmpExt:DigitalSourceType={source} Iptc4xmpExt:AISystemUsed={program} Iptc4xmpExt:AISystemVersionUsed={version}
 xmp:CreatorTool={tool} stylizer:Subject={subject} stylizer:StyleKey={key} stylizer:StyleName={name}>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{note}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


@dataclass(frozen=True)
class Origin:
    """Where a result comes from.

    style_key, style_name: of the style; empty: drawn without one.
    subject: "photo": its person; "whole photo": the drawn face in the real photo; "video": drawn faces in a real video;
        "nobody": an invented person.
    """

    style_key: str = ""
    style_name: str = ""
    subject: Subject = "photo"

    @property
    def source_type(self) -> str:
        """IPTC's term for how such a picture came about."""
        is_part = self.subject in {"whole photo", "video"}
        return _SOURCE_TYPES + ("compositeWithTrainedAlgorithmicMedia" if is_part else "trainedAlgorithmicMedia")

    @property
    def note(self) -> str:
        """The sentence that the metadata holds."""
        style = f", in the style {self.style_name}" if self.style_name else ""
        return f"{_SENTENCES[self.subject]} ({PROGRAM} {__version__}){style}."


def origin_of(style: "Style", subject: Subject = "photo") -> Origin:
    """The origin of a result in a style. A blend has no key; it counts as the style that has the greater share."""
    mixed = style.card.get("blend")
    key = str(mixed["styles"][int(mixed["mix_ratio"] > 0.5)]) if mixed and not style.key else style.key
    return Origin(key, style.name, subject)


@dataclass(frozen=True)
class Finding:
    """What a picture tells of itself.

    mark: the watermark. noted: what its metadata say, if they are this program's.
    intact: whether this program's content credentials fit the picture; None: it has none, or `c2pa-python` is missing.
    """

    mark: Mark | None
    noted: Origin | None
    intact: bool | None

    @property
    def made_here(self) -> bool:
        """Whether anything says that this program made the picture."""
        return self.mark is not None or self.noted is not None or self.intact is not None

    @property
    def without_style(self) -> bool:
        """Whether it says that it was drawn without a style."""
        if self.mark is not None and self.mark.payload is not None:
            return self.mark.payload == NO_STYLE
        return self.noted is not None and not self.noted.style_key

    def is_of(self, style_key: str) -> bool:
        """Whether it was drawn in this style; the watermark, which is harder to lose, has the first word."""
        if self.mark is not None and self.mark.payload is not None:
            return self.mark.payload == payload_of(style_key)
        return self.noted is not None and self.noted.style_key == style_key


def save_result(image: Image.Image, path: str | Path, origin: Origin, *, watermark: bool = True) -> None:
    """Write a result whole or not at all, as PNG, JPEG or WebP, with all that tells where it comes from.

    Args:
        watermark: without it, the note and the credentials remain.
    Raises:
        OutputError: unknown suffix, no such folder, no permission, no room.
    """
    path = Path(path)
    picture = mark_result(image, origin.style_key) if watermark else image
    data = encode_picture(picture, path, **_metadata(origin, path.suffix.lower()))
    generator = {"name": PROGRAM, "version": __version__}
    signed = sign(data, _SUFFIX_MIMES[path.suffix.lower()], generator, origin.source_type)
    write_atomically(path, signed, make_folder=False)


def save_enlarged(image: Image.Image, path: str | Path, found: Finding) -> None:
    """Write an enlarged picture: what this program made before goes on telling so, another picture tells nothing.

    Args:
        found: in the picture before it was enlarged. Its watermark is in the enlarged one too.
    Raises:
        OutputError, as for `save_result`.
    """
    if not found.made_here:
        save_picture(image, path)
        return
    payload = found.mark.payload if found.mark else None
    origin = found.noted or Origin(payload.hex() if payload and payload != NO_STYLE else "")
    save_result(image, path, origin, watermark=False)


def mark_result(image: Image.Image, style_key: str) -> Image.Image:
    """The picture with the invisible watermark of a style; as it is where it has less than 256 px on a side."""
    return Image.fromarray(embed(np.asarray(image.convert("RGB")), payload_of(style_key)))


def payload_of(style_key: str) -> bytes:
    """What the watermark carries of a style's key: its first eight hexadecimal digits. Zeros: no style."""
    if not style_key:
        return NO_STYLE
    try:
        return bytes.fromhex(style_key[: 2 * PAYLOAD_BYTES]).ljust(PAYLOAD_BYTES, b"\0")
    except ValueError:  # no key of a stored style
        return hashlib.sha256(style_key.encode()).digest()[:PAYLOAD_BYTES]


def inspect_picture(path: Path, opener: Callable[[Path], Image.Image] = open_picture) -> Finding:
    """Look for all that `save_result` leaves.

    Args:
        opener: opens the picture; a server of strangers' pictures gives `imaging.decoding.open_picture_safely`.
    Raises:
        PictureError: no picture that can be read.
    """
    pixels = np.asarray(opener(path))
    data = path.read_bytes()
    try:
        with Image.open(BytesIO(data), formats=list(_MIMES)) as image:
            noted, mime = _noted(image), _MIMES.get(image.format or "")
    except UnidentifiedImageError:  # a picture of a kind that results are not saved as
        noted, mime = None, None
    return Finding(detect(pixels), noted, verify(data, mime, PROGRAM) if mime else None)


def _metadata(origin: Origin, suffix: str) -> dict[str, object]:
    """What Pillow writes into a file of this kind."""
    tool = f"{PROGRAM} {__version__}"
    exif = Image.Exif()
    exif[_IMAGE_DESCRIPTION] = origin.note.encode("ascii", "replace").decode()
    exif[_SOFTWARE] = tool
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = b"UNICODE\0" + origin.note.encode("utf-16-le")
    if suffix != ".png":
        return {"exif": exif, "xmp": _xmp(origin).encode()}
    texts = PngInfo()
    texts.add_text("Software", tool)
    texts.add_itxt("Description", origin.note)
    texts.add_itxt("XML:com.adobe.xmp", _xmp(origin))
    return {"exif": exif, "pnginfo": texts}


def _xmp(origin: Origin) -> str:
    values = {
        "source": origin.source_type,
        "program": PROGRAM,
        "version": __version__,
        "tool": f"{PROGRAM} {__version__}",
        "subject": origin.subject,
        "key": origin.style_key,
        "name": origin.style_name,
    }
    return _XMP.format(note=_escaped(origin.note), **{key: f'"{_escaped(value)}"' for key, value in values.items()})


def _escaped(text: str) -> str:
    """XML allows no control characters, escaped or not."""
    return html.escape("".join(c if c.isprintable() else " " for c in text))


def _noted(image: Image.Image) -> Origin | None:
    """This program's note in a file's metadata."""
    try:
        software = str(image.getexif().get(_SOFTWARE) or image.info.get("Software") or "")
    except Exception:  # EXIF that nobody can read says nothing
        software = ""
    raw = image.info.get("xmp") or b""
    text = raw[:_XMP_MAX].decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)[:_XMP_MAX]
    # Other programs rewrite XMP as elements instead of attributes. No XML parser is let loose on a stranger's file.
    facts = re.findall(r"(?<!/)stylizer:(\w+)(?:=([\"'])(.*?)\2|>([^<]*))", text)
    found = {key: html.unescape(attribute or element) for key, _, attribute, element in facts}
    if not found and software.split(" ")[0] != PROGRAM:
        return None
    subject: Subject = next((known for known in _SENTENCES if known == found.get("Subject")), "photo")
    return Origin(found.get("StyleKey", ""), found.get("StyleName", ""), subject)
