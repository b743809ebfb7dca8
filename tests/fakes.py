"""A stand-in for `stylizer.pipeline.Stylizer`: the same interface, no networks, and pictures that answer every input.

Its values have the same fields as the real ones (a test compares them). A picture of one single colour has "no face";
every other picture has `faces` faces. The style of a reference is its mean colour and its number of grey steps, so two
references, two strengths, two photos or two depths never give the same picture.
"""

import hashlib
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

from stylizer.errors import FaceIndexError, NoFaceError, SettingsError, StyleNotFoundError
from stylizer.evaluation.score import LIMIT, Score
from stylizer.faces.ffhq import CROP_SIZE
from stylizer.imaging.opening import open_picture
from stylizer.library.library import Library
from stylizer.settings import (
    COUNT,
    DEFAULT_DRAWER_KIND,
    DEFAULT_UPSCALE_MODE,
    TRUNCATION,
    DrawerKind,
    InversionMode,
    RenderSettings,
    TrainSettings,
    UpscaleMode,
)
from stylizer.upscaling.opening import open_for_upscaling
from stylizer.video.choice import parse_choice
from stylizer.video.live import DrawnFaces, FollowedFrame, LiveFrame
from stylizer.video.reader import open_video
from stylizer.video.stylize import StylizedVideo
from stylizer.video.writer import VideoWriter

Source = str | Path | bytes | BinaryIO | Image.Image
OnStep = Callable[[int, int, Image.Image | None], None]


@dataclass(frozen=True)
class FakeAligned:
    """The fields of `stylizer.faces.AlignedFace`."""

    crop: Image.Image
    crop_to_photo: Any
    landmarks_xy: Any
    photo: Image.Image | None
    face: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FakeInversion:
    """The fields of `stylizer.inversion.refined.Inversion`; here the code is the picture itself."""

    w_plus: Any
    inversion_mode: str
    tuned: Any = None
    landmarks_xy: Any = None


@dataclass(frozen=True)
class FakeStyle:
    """The fields of `stylizer.styles.style.Style`; here the delta is a colour and a number of grey steps."""

    key: str
    name: str
    delta: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    examples: tuple[()] = ()


@dataclass(frozen=True)
class FakeStyleInfo:
    """The fields of `stylizer.library.library.StyleInfo`."""

    name: str
    key: str
    bytes: int
    preset: bool
    thumbnail: Path | None = None
    backbone: str = "mobilestylegan"


@dataclass(frozen=True)
class FakeStylized:
    """The fields of `stylizer.pipeline.Stylized`."""

    image: Image.Image
    crop: Image.Image
    inverted: Image.Image
    aligned: FakeAligned
    inversion: FakeInversion
    likeness: Any
    strength: float
    seconds: dict[str, float]


class FakeJudge:
    """`QualityScorer` without networks: half of how far the mean is from that without a style, of so many levels."""

    def __init__(self, inverted: Image.Image, levels: int = 64) -> None:
        self._levels, self._before = levels, ImageStat.Stat(inverted.convert("L")).mean[0]

    def __call__(self, picture: Image.Image) -> Score:
        gone = abs(ImageStat.Stat(picture.convert("L")).mean[0] - self._before) / self._levels
        return Score(gone / 2, 0.0, gone)

    def suggest(self, drawn: Callable[[float], Image.Image], strength: float) -> float | None:
        return None if self(drawn(strength)).identity <= LIMIT else 0.5


class FakeLive:
    """`LiveRenderer` without networks: the frame, laid over with the style's colour."""

    def __init__(self, colour: tuple[int, int, int], strength: float) -> None:
        self.colour, self.strength, self.times = colour, strength, list[float]()

    def draw(self, frame: Image.Image, seconds: float) -> LiveFrame:
        return self.lay(self.draw_faces(self.follow(frame, seconds)))

    def follow(self, frame: Image.Image, seconds: float) -> FollowedFrame:
        self.times.append(seconds)
        return FollowedFrame(frame, ())

    def draw_faces(self, followed: FollowedFrame) -> DrawnFaces:
        return DrawnFaces(followed, ())

    def lay(self, drawn: DrawnFaces) -> LiveFrame:
        frame = drawn.frame.picture
        return LiveFrame(Image.blend(frame, Image.new("RGB", frame.size, self.colour), self.strength / 2), 1)


class FakeStylizer:
    """`Stylizer` without networks.

    Args:
        steps: how many progress steps an inversion and a training report.
        delay: seconds each of these steps takes (locking and Cancel can be tested with it).
        faces: how many faces every picture that is not of one colour has.
        size: side of the crops in pixels.
        failure: raised by `learn` and `invert` when given, to test error paths.
        presets: names of styles that are there from the start. thumbnails: folder of their pictures, <name>.webp.
        levels: of grey that lose a person wholly.

    `calls` lists the names of the methods called, in order; `trained` the keys of the styles trained; `adapted` those
    of the styles that the student has learned;
    `marks` what was marked by hand; `starts` whether an inversion went on from another one.
    """

    def __init__(
        self,
        *,
        steps: int = 4,
        delay: float = 0.0,
        faces: int = 1,
        size: int = CROP_SIZE // 2,  # quicker to draw and to send than the real size
        failure: Exception | None = None,
        presets: Sequence[str] = (),
        thumbnails: Path | None = None,
        levels: int = 64,
    ) -> None:
        self.steps, self.delay, self.faces, self.size, self.failure = steps, delay, faces, size, failure
        self.thumbnails, self.levels = thumbnails, levels
        self.calls: list[str] = []
        self.trained: list[str] = []
        self.adapted: set[str] = set()
        self.marks: list[Any] = []
        self.starts: list[bool] = []
        self._home = tempfile.TemporaryDirectory(prefix="fake-library-")
        self.library = Library(Path(self._home.name))  # a real one, empty at first; its styles are drawn as a colour
        self._styles: dict[str, tuple[FakeStyle, bool]] = {}
        for name in presets:
            key = hashlib.sha256(name.encode()).hexdigest()[:32]
            colour = tuple(40 + b % 176 for b in bytes.fromhex(key)[:3])
            delta = {"colour": colour, "levels": 3 + len(self._styles) % 4}
            self._styles[key] = (FakeStyle(key, name, delta, {"preset": True}), True)

    def align(self, picture: Source, face: int = 0, already_aligned: bool = False, marks: Any = None) -> FakeAligned:
        self.calls.append("align")
        photo = open_picture(picture)
        if marks is not None:  # a square around the mouth
            self.marks.append(marks)
            x, y = marks[2]
            return FakeAligned(
                photo.crop((round(x) - 30, round(y) - 40, round(x) + 30, round(y) + 20)).resize((self.size, self.size)),
                None,
                None,
                photo,
                0,
            )
        blank = all(low == high for low, high in photo.getextrema())
        if blank and not already_aligned:
            raise NoFaceError("No face was found in the picture; if it is already cropped, say so (--already-aligned).")
        if face >= self.faces or face < 0:
            raise FaceIndexError(f"The picture has {self.faces} face(s); choose a face from 0 to {self.faces - 1}.")
        # One horizontal slice per face, so that another face is another crop.
        left, right = photo.width * face // self.faces, photo.width * (face + 1) // self.faces
        crop = ImageOps.fit(photo.crop((left, 0, right, photo.height)), (self.size, self.size))
        return FakeAligned(crop, None, None, None if already_aligned else photo, face)

    def invert(
        self,
        aligned: FakeAligned,
        inversion_mode: InversionMode = "refined",
        on_step: OnStep | None = None,
        purpose: str = "photo",
        *,
        start: FakeInversion | None = None,
    ) -> FakeInversion:
        self.calls.append("invert")
        self.starts.append(start is not None)
        self._work(aligned.crop, on_step)
        return FakeInversion(
            aligned.crop.filter(ImageFilter.BoxBlur({"fast": 6, "refined": 2, "faithful": 1}[inversion_mode])),
            inversion_mode,
        )

    def learn(
        self,
        references: Source | FakeAligned | Sequence[Source | FakeAligned],
        settings: TrainSettings = TrainSettings(),  # noqa: B008 - frozen
        name: str | None = None,
        *,
        already_aligned: bool = False,
        marks: Any = None,
        on_step: OnStep | None = None,
    ) -> tuple[FakeStyle, bool]:
        self.calls.append("learn")
        pictures = references if isinstance(references, (list, tuple)) else [references]
        aligned = [p if isinstance(p, FakeAligned) else self.align(p, 0, already_aligned, marks) for p in pictures]
        digest = hashlib.sha256(repr(settings).encode())
        for one in aligned:
            digest.update(one.crop.tobytes())
        key = digest.hexdigest()[:32]
        if any(style.name == name and style.key != key for style, _ in self._styles.values()):
            raise SettingsError(f"Another style is already called {name}; choose another name.")
        if trained := key not in self._styles:
            self._work(aligned[0].crop, on_step)
            means = zip(*(ImageStat.Stat(one.crop).mean for one in aligned), strict=True)
            colour = tuple(round(sum(channel) / len(aligned)) for channel in means)
            delta = {"colour": colour, "levels": 3 + settings.seed % 4}
            card = {"settings": {"iterations": settings.iterations, "seed": settings.seed}}
            self._styles[key] = (FakeStyle(key, name or key[:8], delta, card), False)
            self.trained.append(key)
        style, preset = self._styles[key]
        if name and name != style.name:
            style = replace(style, name=name)
            self._styles[key] = (style, preset)
        return style, trained

    def stylize_video(
        self,
        video: str | Path,
        out: str | Path,
        style: FakeStyle | None,
        settings: RenderSettings = RenderSettings(),  # noqa: B008 - frozen
        *,
        faces: Any = "all",
        longest: int | None = None,
        drawer: DrawerKind = DEFAULT_DRAWER_KIND,
        metadata: Any = None,
        keep_part: bool = False,
        on_step: OnStep | None = None,
    ) -> StylizedVideo:
        """Every frame is laid over with the style's colour."""
        self.calls.append("stylize_video")
        choice, count = parse_choice(faces), 0
        colour = (0, 0, 0) if style is None else style.delta["colour"]
        with open_video(video, longest) as reader:
            with VideoWriter(
                out, reader.info, sound=Path(video), metadata=metadata, keep_part=keep_part, preset="ultrafast"
            ) as writer:
                for count, frame in enumerate(reader.frames(), 1):
                    time.sleep(self.delay)
                    picture = Image.fromarray(frame.pixels)
                    over = Image.blend(picture, Image.new("RGB", picture.size, colour), settings.strength / 2)
                    writer.write(replace(frame, pixels=np.asarray(over)))
                    if on_step:
                        on_step(count, max(reader.info.frames or 0, count), over)
            drawn = count if choice.kind != "chosen" or min(choice.numbers) < self.faces else 0
            student = drawer == "student" or (drawer == "auto" and style is not None and self.is_adapted(style))
            notes, kind = (*reader.notes, *writer.notes), "student" if student else "generator"
            return StylizedVideo(Path(out), count, count, drawn, notes, 0.5, kind)

    def adapt(self, style: Any, on_step: OnStep | None = None) -> bool:
        self.calls.append("adapt")
        if adapt_now := not self.is_adapted(style):
            self._work(Image.new("RGB", (64, 64)), on_step)
            self.adapted.add(style.key)
        return adapt_now

    def is_adapted(self, style: Any) -> bool:
        return style.key in self.adapted

    def live(self, style: Any, strength: float = 1.0) -> Any:
        self.calls.append("live")
        return FakeLive(style.delta["colour"], strength)

    def render(
        self,
        inversion: FakeInversion,
        style: FakeStyle | None,
        settings: RenderSettings = RenderSettings(),  # noqa: B008 - frozen
        likeness: Any = None,
        photo: Image.Image | None = None,
    ) -> Image.Image:
        self.calls.append("render")
        inverted: Image.Image = inversion.w_plus
        if style is None or settings.strength == 0:
            return inverted
        colours = (photo or inverted).resize(inverted.size).convert("YCbCr")
        levels, colour = style.delta["levels"], style.delta["colour"]
        flat = ImageOps.posterize(ImageOps.autocontrast(inverted), max(1, min(8, levels - 1)))
        tinted = ImageOps.colorize(flat.convert("L"), "black", "white", colour)
        stylised = Image.blend(inverted, tinted, settings.strength * settings.texture / 2)
        down = round(40 * settings.strength * (settings.shape - 1))
        stylised = ImageChops.offset(stylised, round((likeness or 0) * settings.likeness_share), down)
        if settings.style_color == 1:
            return stylised
        light = stylised.convert("YCbCr").getchannel("Y")
        kept = Image.merge("YCbCr", (light, *colours.split()[1:])).convert("RGB")
        return Image.blend(kept, stylised, settings.style_color)

    def likeness(self, inversion: FakeInversion, style: FakeStyle, aligned: FakeAligned | None = None) -> int | None:
        self.calls.append("likeness")
        return None if inversion.inversion_mode == "fast" else 30  # pixels to shift by, times the settings' share

    def stylize(  # noqa: PLR0917 - as the real one
        self,
        photo: Source | FakeAligned,
        style: FakeStyle | None,
        settings: RenderSettings = RenderSettings(),  # noqa: B008 - frozen
        inversion_mode: InversionMode = "refined",
        face: int = 0,
        full_frame: bool = False,
        on_step: OnStep | None = None,
        *,
        inversion: FakeInversion | None = None,
        likeness: Any = None,
        inverted: Image.Image | None = None,
    ) -> FakeStylized:
        self.calls.append("stylize")
        aligned = photo if isinstance(photo, FakeAligned) else self.align(photo, face)
        inversion = inversion or self.invert(aligned, inversion_mode, on_step)
        if likeness is None and style is not None and settings.likeness_share:
            likeness = self.likeness(inversion, style, aligned)
        crop = self.render(inversion, style, settings, likeness, aligned.crop)
        image = self.paste(aligned, crop) if full_frame else crop
        seconds = {"align": 0.01, "invert": self.delay * self.steps, "likeness": 0.0, "render": 0.01}
        inverted = inverted or inversion.w_plus
        return FakeStylized(image, crop, inverted, aligned, inversion, likeness, settings.strength, seconds)

    def invent(
        self,
        style: FakeStyle | None,
        count: int = COUNT,
        settings: RenderSettings = RenderSettings(),  # noqa: B008 - frozen
        *,
        seed: int = 0,
        truncation: float = TRUNCATION,
        on_step: OnStep | None = None,
    ) -> list[Image.Image]:
        self.calls.append("invent")
        people = []
        for index in range(count):
            shade = (37 * seed + 29 * index) % 256
            plain = Image.linear_gradient("L").point(lambda v, s=shade: (v + s) % 256).convert("RGB")
            people.append(self.render(FakeInversion(plain, "fast"), style, settings))
            if on_step is not None:
                on_step(index + 1, count, people[-1])
        return people

    def judge(self, style: FakeStyle, inverted: Image.Image, aligned: FakeAligned | None = None) -> "FakeJudge":
        self.calls.append("judge")
        return FakeJudge(inverted, self.levels)

    def blend(self, one: FakeStyle, other: FakeStyle, mix_ratio: float) -> FakeStyle:
        self.calls.append("blend")
        pairs = zip(one.delta["colour"], other.delta["colour"], strict=True)
        colour = tuple(round((1 - mix_ratio) * a + mix_ratio * b) for a, b in pairs)
        card = {"blend": {"styles": [one.key, other.key], "mix_ratio": mix_ratio}}
        return FakeStyle("", f"{one.name} + {other.name}", {**one.delta, "colour": colour}, card)

    def paste(self, aligned: FakeAligned, crop: Image.Image, inverted: Image.Image | None = None) -> Image.Image:
        if aligned.photo is None:
            return crop
        return Image.blend(aligned.photo, crop.resize(aligned.photo.size), 0.8)

    def upscale(
        self, picture: Source, mode: UpscaleMode = DEFAULT_UPSCALE_MODE, on_step: OnStep | None = None
    ) -> Image.Image:
        self.calls.append(f"upscale {mode}")
        opened = open_for_upscaling(picture)
        return opened.resize((4 * opened.width, 4 * opened.height))

    @property
    def base_hash(self) -> str:
        return "fake" * 16

    def styles(self) -> list[FakeStyleInfo]:
        return [
            FakeStyleInfo(style.name, style.key, 1000, preset, self._thumbnail(style.name))
            for style, preset in self._styles.values()
        ] + [FakeStyleInfo(info.name, info.key, info.bytes, info.preset) for info in self.library.list()]

    def _thumbnail(self, name: str) -> Path | None:
        path = self.thumbnails and self.thumbnails / f"{name}.webp"
        return path if path and path.is_file() else None

    def find_style(self, name_or_key: str) -> FakeStyle:
        for style, _ in self._styles.values():
            if name_or_key in (style.name, style.key):
                return style
        for info in self.library.list():
            if name_or_key in (info.name, info.key):
                return FakeStyle(info.key, info.name, {"colour": (90, 40 + int(info.key[0], 16), 60), "levels": 3})
        raise StyleNotFoundError(f"No style is called {name_or_key}; list the styles to see what there is.")

    def _work(self, preview: Image.Image, on_step: OnStep | None) -> None:
        if self.failure is not None:
            raise self.failure
        for step in range(1, self.steps + 1):
            time.sleep(self.delay)
            if on_step is not None:
                on_step(step, self.steps, preview.resize((64, 64)) if step % 2 == 0 else None)


class Stage(FakeStylizer):
    """A stand-in that tests set up while the page stands over it.

    gate: jobs work only while it is set. pause: seconds that a drawing takes. thinking: that finding a style takes.
    """

    def __init__(self, *, pause: float = 0.0, thinking: float = 0.0, **how: Any) -> None:
        super().__init__(**how)
        self.pause, self.thinking, self.gate = pause, thinking, threading.Event()
        self.gate.set()

    def become(self, **how: Any) -> None:
        """As if it had just been made."""
        self.gate.set()  # whoever is held goes on
        self.__dict__ |= Stage(**how).__dict__

    def render(self, *given: Any, **named: Any) -> Image.Image:
        time.sleep(self.pause)
        return super().render(*given, **named)

    def find_style(self, name_or_key: str) -> Any:
        time.sleep(self.thinking)
        return super().find_style(name_or_key)

    def _work(self, preview: Any, on_step: Any) -> None:
        while not self.gate.wait(0.05):
            on_step(1, 3, None)
        super()._work(preview, on_step)
