"""Pictures for the tests of the page, odd files that people bring, and how pictures are compared."""

import struct
import zlib
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageStat


def face(path: Path, colour: str, size: tuple[int, int] = (320, 320)) -> Path:
    """A plain drawn face; the stand-in stylizer finds a face in everything that is not of one colour."""
    picture = Image.new("RGB", size, colour)
    draw = ImageDraw.Draw(picture)
    width, height = size
    draw.ellipse((width * 0.25, height * 0.15, width * 0.75, height * 0.85), fill="bisque")
    for x in (0.4, 0.6):
        draw.ellipse((width * x - 9, height * 0.4 - 6, width * x + 9, height * 0.4 + 6), fill="black")
    draw.line((width * 0.4, height * 0.68, width * 0.6, height * 0.68), fill="darkred", width=5)
    picture.save(path)
    return path


def blank(path: Path) -> Path:
    """A picture without a face."""
    Image.new("RGB", (200, 200), "gray").save(path)
    return path


def good_oddities(folder: Path) -> list[Path]:
    """Files that must work: CMYK, 16-bit grey, RGBA, palette animation, a photo rotated by its EXIF tag."""
    base = Image.open(face(folder / "base.png", "teal"))
    base.convert("CMYK").save(folder / "cmyk.jpg")
    grey = base.convert("L")
    Image.frombytes("I;16", grey.size, b"".join(bytes((0, v)) for v in grey.tobytes())).save(folder / "grey16.png")
    rgba = base.convert("RGBA")
    rgba.putalpha(grey)
    rgba.save(folder / "rgba.png")
    base.convert("P").save(folder / "animated.gif", save_all=True, append_images=[base.rotate(90).convert("P")])
    exif = Image.Exif()
    exif[0x0112] = 6
    base.resize((320, 200)).save(folder / "phone.jpg", exif=exif)
    return [folder / name for name in ("cmyk.jpg", "grey16.png", "rgba.png", "animated.gif", "phone.jpg")]


def bad_oddities(folder: Path) -> list[Path]:
    """Files that must give one sentence: text, a cut JPEG, one pixel, 20,000 x 20,000 pixels in a small file."""
    (folder / "text.png").write_text("This is no picture.")
    face(folder / "whole.jpg", "olive", (600, 600))
    (folder / "cut.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:2000])
    Image.new("RGB", (1, 1)).save(folder / "pixel.png")
    (folder / "bomb.png").write_bytes(_bomb(20_000))
    return [folder / name for name in ("text.png", "cut.jpg", "pixel.png", "bomb.png")]


def _bomb(side: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(side // 8)) * side, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def near(one: Image.Image, other: Image.Image) -> bool:
    """The same picture but for JPEG's losses."""
    difference = ImageChops.difference(one, other.convert("RGB")).resize((16, 16), Image.Resampling.BOX)
    return one.size == other.size and max(high for _, high in difference.getextrema()) < 8


def same(one: Image.Image, other: Image.Image) -> bool:
    """The same picture but for the watermark, which changes no pixel by much, and most not at all."""
    difference = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    high, mean = max(high for _, high in difference.getextrema()), max(ImageStat.Stat(difference).mean)
    return one.size == other.size and high <= 16 and mean <= 0.6
