"""The whole story: a reference becomes a style, a photo becomes a code, and both together a picture.

`Stylizer` is what the page, the command line and programs call. It holds no state but its parts: everything it makes
is a value that the caller keeps.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar, cast, get_args, overload

import torch
from PIL import Image
from torch import Tensor

from stylizer.arguments import callback, choice, flag, folder, instance, number, optional, text, texts, whole_number
from stylizer.backbones.base import device_of
from stylizer.backbones.registry import choose_backbone
from stylizer.errors import ArgumentError, PictureError, SettingsError, StylizerError
from stylizer.evaluation.score import QualityScorer
from stylizer.faces import AlignedFace, FaceFinder, align, paste
from stylizer.faces import already_aligned as as_aligned
from stylizer.faces.marks import marked
from stylizer.faces.paste import Segmenter
from stylizer.faces.tracker import FaceTracker
from stylizer.forks import survive_forks
from stylizer.imaging.opening import SHRUNK_BY, PictureSource, open_picture
from stylizer.inversion.code import Inversion, Purpose
from stylizer.inversion.faithful import Tuning, tune
from stylizer.inversion.refined import invert
from stylizer.library.hub import open_hub
from stylizer.library.library import Library, StyleInfo, clean_name, default_name, open_library
from stylizer.live.students import Students
from stylizer.progress import OnStep, Stages
from stylizer.runtime import choose_device, cpu_threads, home_dir, retry_on_oom
from stylizer.settings import (
    COUNT,
    DEFAULT_DRAWER_KIND,
    DEFAULT_INVERSION_MODE,
    DEFAULT_UPSCALE_MODE,
    DRAWER_KINDS,
    INVERSION_MODES,
    TRUNCATION,
    UPSCALE_MODES,
    VIDEO_SIDE_MAX,
    VIDEO_SIDE_MIN,
    DrawerKind,
    InversionMode,
    JojoganSettings,
    RenderSettings,
    TrainSettings,
    UpscaleMode,
    check_range,
)
from stylizer.styles import jojogan
from stylizer.styles.finetune import finetune
from stylizer.styles.keys import key_of, reference_hash
from stylizer.styles.likeness import find_likeness
from stylizer.styles.mixing import blend
from stylizer.styles.pairs import FaceReader
from stylizer.styles.render import compile_style, draw
from stylizer.styles.sampling import sample
from stylizer.styles.style import Style, make_card
from stylizer.stylized import Stylized
from stylizer.upscaling.opening import open_for_upscaling
from stylizer.upscaling.upscaler import open_upscaler
from stylizer.video.choice import parse_choice
from stylizer.video.drawers import open_drawer
from stylizer.video.live import LiveRenderer
from stylizer.video.people import describing
from stylizer.video.stylize import StylizedVideo, VideoOptions, stylize_file
from stylizer.weights.face_networks import load_segmenter
from stylizer.weights.load import Networks, load_networks

Reference = PictureSource | AlignedFace
Marks = Sequence[Sequence[float]]
StyleSource = Style | StyleInfo | str
"""A style, what `Stylizer.styles` says of one, or its name or key."""
A_FACE, AN_INVERSION = "a face that align cut out", "what invert returned"
_T = TypeVar("_T")


class Stylizer:
    """Learns styles and draws faces in them.

    Args:
        networks: the base networks; shared and never changed.
        finder: finds faces and landmarks.
        library: keeps the styles.
        segment: finds the person in a picture; None: a face is put back with a part of its background, and styles are
            learned as if nobody had a background.
        opener: opens the pictures that `align` and what calls it are given; a server of strangers' pictures gives
            `imaging.decoding.open_picture_safely`.
    """

    def __init__(
        self,
        networks: Networks,
        finder: FaceFinder,
        library: Library,
        segment: Segmenter | None,
        opener: Callable[[PictureSource], Image.Image] = open_picture,
    ) -> None:
        self.networks, self.finder, self.library, self.segment = networks, finder, library, segment
        self._open_picture = opener
        self._opened_with: tuple[Path, str, str | None, str] | None = None
        survive_forks()

    def __reduce__(self) -> tuple[Callable[..., "Stylizer"], tuple[Path, str, str | None, str]]:
        """For multiprocessing's spawn: another process opens its own, once, instead of being sent the networks."""
        if self._opened_with is None:
            raise StylizerError("This Stylizer was put together from parts, so it cannot be sent to another process.")
        return _opened_here, self._opened_with

    @classmethod
    def open(
        cls,
        home: str | Path | None = None,
        device: str | torch.device | None = None,
        on_progress: Callable[[str, float], None] | None = None,
        hub: str | None = None,
        *,
        opener: Callable[[PictureSource], Image.Image] | None = None,
        backbone: str | None = None,
    ) -> "Stylizer":
        """Load everything, fetching the base weights where they are missing.

        Nothing of the process is changed: not its threads, its allocator, its random state, its logging. The command
        line has the same bits at every run, and its speed, from `stylizer.tune_process`; a program may call that too.

        Args:
            home: the cache folder, as text or as a Path; default STYLIZER_HOME or the platform's cache folder.
            device: "cpu", "cuda", "mps"; default STYLIZER_DEVICE or the best there is.
            on_progress: gets what is being fetched and how much of it is done, 0..1.
            hub: "user/name", where styles are looked up that are not here; default STYLIZER_HUB_REPO, else nowhere.
            opener: opens the pictures that it is given, as for the class; None: `open_picture`.
            backbone: the face generator, "mobilestylegan" or "stylegan2"; default STYLIZER_BACKBONE, else the former.
                StyleGAN2's weights are not fetched by this: see `python -m stylizer fetch --backbone stylegan2`.
        Raises:
            ArgumentError, as every method does for a value of another type; DeviceError, DownloadError,
            HashMismatchError, WeightsError, DiskFullError; SettingsError: no such hub, no such backbone.
        """
        home = home_dir() if home is None else folder("The home", home)
        hub, on_progress = optional("The hub", hub, str, '"user/name"'), callback("on_progress", on_progress)
        opener = callback("The opener", opener) or open_picture
        backbone = choose_backbone(optional("The backbone", backbone, str, "a name"))
        networks = load_networks(home, choose_device(device), on_progress, backbone)
        shapes = {name: p.shape for name, p in networks.backbone.generator.named_parameters()}
        library = open_library(home, networks.base_hash, shapes, open_hub(hub), backbone=networks.spec.name)
        stylizer = cls(networks, FaceFinder(home), library, load_segmenter(home), opener)
        stylizer._opened_with = home, str(networks.backbone.wspace.mean.device), hub, backbone
        return stylizer

    def align(
        self, picture: PictureSource, face: int = 0, already_aligned: bool = False, marks: Marks | None = None
    ) -> AlignedFace:
        """Cut one face out of a picture, a square of the backbone's side.

        Args:
            face: 0 is the largest. already_aligned: the picture is a crop already.
            marks: (x, y) of either eye's middle and the mouth's, or of 68 landmarks, in pixels of the upright picture,
                where no detector finds the face. If given, `face` and `already_aligned` are ignored.
        Raises:
            PictureError, NoFaceError, FaceIndexError, DegenerateFaceError; SettingsError: not so many marks.
        """
        face, photo = whole_number("The face", face), self._open_picture(picture)
        already_aligned = flag("already_aligned", already_aligned)
        side = self.networks.spec.side
        if marks is not None:
            shrunk = photo.info.get(SHRUNK_BY, 1.0)  # a huge picture was, while it was opened
            return align(photo, marked(marked(marks).landmarks_xy / shrunk), size=side)
        if already_aligned:
            return as_aligned(photo, self.finder, side)
        return align(photo, self.finder.choose(photo, face), face, side)

    def invert(
        self,
        aligned: AlignedFace,
        inversion_mode: InversionMode = DEFAULT_INVERSION_MODE,
        on_step: OnStep | None = None,
        purpose: Purpose = "photo",
        *,
        start: Inversion | None = None,
    ) -> Inversion:
        """Find the code that the generator draws this face from.

        Args:
            start: this face's "refined" inversion, which "faithful" then continues from.
        Raises:
            DeviceError: out of memory. Whatever on_step raises.
        """
        aligned, inversion_mode = instance("The face", aligned, AlignedFace, A_FACE), known_mode(inversion_mode)
        purpose = cast(Purpose, choice("The purpose", purpose, get_args(Purpose)))
        start = optional("The start", start, Inversion, AN_INVERSION)
        return self._invert(aligned, inversion_mode, purpose, callback("on_step", on_step), start)

    def learn(
        self,
        references: Reference | list[Reference] | tuple[Reference, ...],
        settings: TrainSettings = TrainSettings(),  # noqa: B008 - frozen
        name: str | None = None,
        *,
        already_aligned: bool = False,
        marks: Marks | None = None,
        on_step: OnStep | None = None,
    ) -> tuple[Style, bool]:
        """The style of one reference, or of several together: from the library, or trained now and put there.

        Args:
            references: pictures of one face each, or faces cut out before.
                `JojoganSettings` learns by JoJoGAN's recipe, where the backbone has a discriminator.
            name: what to call the style; default the reference's file name. A preset keeps its own.
            already_aligned: take the pictures as crops, without looking for a face.
            marks: of the face in a single picture, as for `align`.
            on_step: steps count through the inversions of the references and the training.
        Returns:
            The style, and whether it had to be trained.
        Raises:
            The errors of `align`; SettingsError: another style has this name; DiskFullError, OutputError: it cannot be
            stored; DeviceError; whatever on_step raises, and then nothing half-done is kept.
        """
        pictures = list(references) if isinstance(references, (list, tuple)) else [references]
        settings = instance("settings", settings, TrainSettings, "a TrainSettings")
        already_aligned, on_step = flag("already_aligned", already_aligned), callback("on_step", on_step)
        if marks is not None and len(pictures) > 1:
            raise SettingsError("Marks are of one picture; cut the faces out one by one first.")
        if not pictures:
            raise PictureError("There is no reference picture; give at least one.")
        faces = [p if isinstance(p, AlignedFace) else self.align(p, 0, already_aligned, marks) for p in pictures]
        for note in {note: None for face in faces for note in face.notes}:
            logging.getLogger(__name__).warning("In the style picture: %s", note)
        networks = self.networks
        hashes = networks.base_hash, networks.helpers_hash
        crops_hash = reference_hash([f.crop for f in faces])
        # Faces may have been cut out otherwise when these very pictures were learned: by an earlier version, for one.
        as_found = marks is None and not already_aligned and not any(isinstance(p, AlignedFace) for p in pictures)
        pictures_hash = reference_hash([f.photo for f in faces if f.photo is not None]) if as_found else ""
        key_now = partial(key_of, count=len(faces), spec=networks.spec, network_hashes=hashes)
        known = self.library.learned_from(crops_hash, pictures_hash, settings, key_now)
        key = known or key_now(crops_hash, settings)
        if name is not None:
            name = clean_name(text("The name", name))
            self.library.check_name(name, key)  # before the training, not after it
        with self.library.lock(key, lambda: on_step(0, settings.iterations, None) if on_step else None):
            style = self.library.get(key)
            if trained := style is None:
                style = self._train(faces, settings, on_step)
                style = replace(style, card={**style.card, "pictures_hash": pictures_hash})
                style = self.library.put(replace(style, key=key, name=name or default_name(pictures[0], key)))
        if name is not None and style.name != name and self.library.name(key, name):
            style = replace(style, name=name)
        return style, trained

    def render(
        self,
        inversion: Inversion,
        style: StyleSource | None,
        settings: RenderSettings = RenderSettings(),  # noqa: B008 - frozen
        likeness: Tensor | None = None,
        photo: PictureSource | None = None,
    ) -> Image.Image:
        """Draw a code in a style. Strength 0, or no style, is the inverted photo bit for bit.

        likeness: what `likeness` found for this code and style.
        photo: the crop that was inverted (`AlignedFace.crop`), of any size. It shows more of a person than their code:
            hair, clothes, ears, glasses and teeth are drawn as it has them. Where the settings keep the photo's
            colours, these are taken, at strength 0 too; without it, the inversion's, which differ.
        Raises:
            StyleFileError: the style was made for another network. DeviceError: out of memory.
        """
        inversion, settings = instance("The inversion", inversion, Inversion, AN_INVERSION), known_settings(settings)
        likeness = _known_likeness(likeness, inversion)
        photo = None if photo is None else open_picture(photo)
        known = self._style(style, or_none=True)
        return draw(self.networks, inversion, known, settings, likeness=likeness, photo=photo)

    def likeness(self, inversion: Inversion, style: StyleSource, aligned: AlignedFace | None = None) -> Tensor | None:
        """What keeps the person: added to a code in the settings' amount; (num_ws, w_dim), None for a "fast" inversion.

        Raises: StyleFileError, DeviceError.
        """
        inversion = instance("The inversion", inversion, Inversion, AN_INVERSION)
        found, aligned = self._style(style), optional("The face", aligned, AlignedFace, A_FACE)
        points = aligned.landmarks_xy if aligned else None
        if inversion.inversion_mode == "fast":
            return None
        return self._retry_on_oom(lambda _: find_likeness(self.networks, found, inversion, points))

    def stylize(  # noqa: PLR0917 - all but the first three are usually given by name
        self,
        photo: PictureSource | AlignedFace,
        style: StyleSource | None,
        settings: RenderSettings = RenderSettings(),  # noqa: B008 - frozen
        inversion_mode: InversionMode = DEFAULT_INVERSION_MODE,
        face: int = 0,
        full_frame: bool = False,
        on_step: OnStep | None = None,
        *,
        inversion: Inversion | None = None,
        likeness: Tensor | None = None,
        inverted: Image.Image | None = None,
    ) -> Stylized:
        """Draw the person of a photo in a style.

        Args:
            photo: a picture, or a face cut out before (then `face` is ignored).
            full_frame: put the crop back into the whole photo.
            inversion: of this face, if given, `inversion_mode` is ignored.
            likeness: what `likeness` found for this inversion and style. None: found now, where the settings take any.
            inverted: this inversion drawn without a style, if it was drawn before; as `Stylized` has it.
        Raises:
            The errors of `align`, `invert` and `render`.
        """
        settings, inversion_mode, style = known_settings(settings), known_mode(inversion_mode), self._style(style, True)
        full_frame, on_step = flag("full_frame", full_frame), callback("on_step", on_step)
        inversion = optional("The inversion", inversion, Inversion, AN_INVERSION)
        likeness = _known_likeness(likeness, inversion)
        started = time.perf_counter()
        aligned = photo if isinstance(photo, AlignedFace) else self.align(photo, face)
        found = time.perf_counter()
        inversion = inversion or self.invert(aligned, inversion_mode, on_step)
        inverted_at = time.perf_counter()
        if likeness is None and style is not None and settings.likeness_share:
            likeness = self.likeness(inversion, style, aligned)
        kept_at = time.perf_counter()
        inverted = optional("The picture without a style", inverted, Image.Image, "a picture")
        inverted = inverted or draw(self.networks, inversion, None, settings)
        crop = draw(self.networks, inversion, style, settings, likeness=likeness, inverted=inverted, photo=aligned.crop)
        image = self.paste(aligned, crop, inverted) if full_frame else crop
        ended = time.perf_counter()
        times = (started, found, inverted_at, kept_at, ended)
        stages = zip(("align", "invert", "likeness", "render"), pairwise(times), strict=True)
        seconds = {stage: end - begin for stage, (begin, end) in stages}
        return Stylized(image, crop, inverted, aligned, inversion, likeness, settings.strength, seconds)

    def stylize_video(
        self,
        video: str | Path,
        out: str | Path,
        style: StyleSource | None,
        settings: RenderSettings = RenderSettings(),  # noqa: B008 - frozen
        *,
        faces: str | Sequence[int] = "all",
        longest: int | None = None,
        drawer: DrawerKind = DEFAULT_DRAWER_KIND,
        metadata: Mapping[str, str] | None = None,
        keep_part: bool = False,
        on_step: OnStep | None = None,
    ) -> StylizedVideo:
        """Draw the faces of a video file in a style; the sound, and everything but the faces, stays.

        Args:
            video: a video, or an animated GIF or WebP.
            out: .mp4, .m4v, .mov, .gif or .webp; replaced where it exists, and there whole or not at all.
            faces: "all", "largest", or the numbers of the chosen ones: 0 is the first that is seen, of several the
                largest.
            longest: side of the result in pixels at most, VIDEO_SIDE_MIN or more; None: as the source.
            drawer: "student" is quick and knows the strength alone; a style is learned first (`adapt`) where it was not
                before. "generator" is slow and knows all settings. "auto": the student where it has learned the style
                already and can do the settings.
            metadata: texts for the file; `provenance.video.metadata_of` gives those that say where it comes from.
            keep_part: where on_step raises, what is done so far becomes the result.
            on_step: called after each frame, now and then with a picture of it; with step 0 while a style is learned.
        Raises:
            VideoError: it cannot be read. OutputError, DiskFullError: it cannot be written. WeightsError: there is no
            student. SettingsError, DeviceError, StyleFileError; what on_step raises.
        """
        source, target = (folder(name, path) for name, path in (("The video", video), ("The output", out)))
        if longest is not None:
            longest = whole_number("The size", longest)
            check_range("The size", longest, VIDEO_SIDE_MIN, VIDEO_SIDE_MAX)
        options = VideoOptions(parse_choice(faces), longest, flag("keep_part", keep_part))
        kind = cast(DrawerKind, choice("The drawer", drawer, DRAWER_KINDS))
        metadata, on_step = texts("metadata", metadata), callback("on_step", on_step)

        def part_of(style: Style) -> dict[str, Tensor]:
            return self._part(style, lambda _, total, __: on_step(0, total, None) if on_step else None)

        known, settings = self._style(style, or_none=True), known_settings(settings)
        opened = open_drawer(self.networks, self.students, known, settings, kind, part_of)
        parts, describe = (opened, self.finder.mesh_finder(), self.segment), describing(self.networks)
        return stylize_file(source, target, *parts, options, metadata=metadata, describe=describe, on_step=on_step)

    def adapt(self, style: StyleSource, on_step: OnStep | None = None) -> bool:
        """Have the student learn a style, in about a minute; it is stored. False: it had learned it before.

        Raises:
            WeightsError: there is no student. DeviceError, DiskFullError, OutputError; whatever on_step raises.
        """
        found, on_step = self._style(style), callback("on_step", on_step)
        if self.is_adapted(found):
            return False
        self._part(found, on_step)
        return True

    def is_adapted(self, style: StyleSource) -> bool:
        """Whether the student is there and has learned a style. Raises WeightsError: its file is damaged."""
        return self.students.part(self._style(style)) is not None

    def live(self, style: StyleSource, strength: float = 1.0) -> LiveRenderer:
        """What draws the faces of a camera's frames in a style, one after the other; for one camera.

        Raises: SettingsError, WeightsError, and the errors of `adapt`, as a style that was not adapted is adapted now.
        """
        found, strength = self._style(style), RenderSettings(strength).strength  # refused before a minute of learning
        threads = max(1, cpu_threads() // 2)  # the others follow the next frame, or lay the last one
        drawer = self.students.drawer(
            found, self._part(found), strength, device=device_of(self.networks.backbone), threads=threads
        )
        return LiveRenderer(FaceTracker(self.finder.mesh_finder()), drawer, self.segment)

    @cached_property
    def students(self) -> Students:
        """The small networks that draw styles live."""
        return Students(self.networks, self.library.home)

    def invent(
        self,
        style: StyleSource | None,
        count: int = COUNT,
        settings: RenderSettings = RenderSettings(),  # noqa: B008 - frozen
        *,
        seed: int = 0,
        truncation: float = TRUNCATION,
        on_step: OnStep | None = None,
    ) -> list[Image.Image]:
        """People who do not exist, in a style; see `sampling.sample` for the numbers.

        Raises: SettingsError, and the errors of `render`; whatever on_step, called after each, raises.
        """
        count, seed = whole_number("The number of people", count), whole_number("The seed", seed)
        truncation, on_step = number("The truncation", truncation), callback("on_step", on_step)
        renderer = compile_style(self.networks, self._style(style, or_none=True), known_settings(settings))
        people: list[Image.Image] = []
        for w_plus in sample(self.networks, count, seed, truncation):
            people.append(renderer(Inversion(w_plus, "fast")))
            if on_step:
                on_step(len(people), count, people[-1])
        return people

    def judge(self, style: StyleSource, inverted: Image.Image, aligned: AlignedFace | None = None) -> QualityScorer:
        """What scores pictures of this photo in this style, and suggests a strength."""
        aligned = optional("The face", aligned, AlignedFace, A_FACE)
        return QualityScorer(self.networks, self._style(style), open_picture(inverted), aligned)

    def blend(self, one: StyleSource, other: StyleSource, mix_ratio: float) -> Style:
        """A style between two, to draw with: mix_ratio 0 is the one, 1 the other. Raises SettingsError."""
        return blend(self._style(one), self._style(other), number("The mix ratio of the two styles", mix_ratio))

    def paste(self, aligned: AlignedFace, crop: Image.Image, inverted: Image.Image | None = None) -> Image.Image:
        """The whole photo with head, hair and neck of a crop; the crop itself where there is no photo.

        Args:
            inverted: the crop without a style, in which the person is found more surely than in a drawing.
        """
        aligned = instance("The face", aligned, AlignedFace, A_FACE)
        plain = None if inverted is None else open_picture(inverted)
        return paste(aligned, open_picture(crop), self.segment, plain)

    def upscale(
        self,
        picture: PictureSource,
        mode: UpscaleMode = DEFAULT_UPSCALE_MODE,
        on_step: OnStep | None = None,
    ) -> Image.Image:
        """Any picture four times as wide and high; transparency is kept.

        Args:
            picture: of any shape from one pixel on, and of at most `settings.UPSCALE_PIXELS_MAX` pixels.
            mode: "faithful" is nearest to the pixels that were there, "natural" is for noisy and
                compressed pictures, and invents more.
        Raises:
            PictureError: unreadable, or too large. Whatever on_step raises.
        """
        mode = cast(UpscaleMode, choice("The mode", mode, UPSCALE_MODES))
        opened = open_for_upscaling(picture)
        return open_upscaler(mode, device_of(self.networks.backbone))(opened, callback("on_step", on_step))

    @property
    def base_hash(self) -> str:
        """SHA-256 of the base weights; a style is valid for one of them only."""
        return self.networks.base_hash

    def styles(self) -> list[StyleInfo]:
        """Presets and learned styles that the backbone in use can draw; the library lists all."""
        return [info for info in self.library.list() if info.backbone == self.networks.spec.name]

    def find_style(self, name_or_key: StyleSource) -> Style:
        """A preset or learned style. Raises StyleNotFoundError, StyleFileError."""
        return self._style(name_or_key)

    @overload
    def _style(self, style: StyleSource) -> Style: ...
    @overload
    def _style(self, style: StyleSource | None, or_none: bool) -> Style | None: ...
    def _style(self, style: StyleSource | None, or_none: bool = False) -> Style | None:
        if isinstance(style, Style) or (style is None and or_none):
            return style
        if isinstance(style, StyleInfo):
            style = style.key
        kinds = "a style, or the name or key of one" + (", or None" if or_none else "")
        return self.library.find(instance("The style", style, str, kinds))

    def _train(self, faces: Sequence[AlignedFace], settings: TrainSettings, on_step: OnStep | None) -> Style:
        networks, reference = self.networks, reference_hash([face.crop for face in faces])
        card = make_card(asdict(settings), networks.spec, networks.base_hash, reference)
        if isinstance(settings, JojoganSettings):
            style = self._retry_on_oom(lambda small: jojogan.learn(networks, faces, settings, on_step, small=small))
            return replace(style, card={**card, **style.card})
        stages = Stages(on_step, settings.iterations)
        codes = [self._invert(face, "refined", "reference", stages.next()) for face in faces]
        report = stages.next(last=True)
        reader = FaceReader(self.finder.mesh_finder(), self.segment)
        style = self._retry_on_oom(
            lambda small: finetune(networks, faces, codes, settings, report, reader=reader, small=small)
        )
        return replace(style, card={**card, **style.card})

    def _part(self, style: Style, on_step: OnStep | None = None) -> dict[str, Tensor]:
        """A style's part of the student; learned and stored where it is not there."""
        if (part := self.students.part(style)) is None:
            part = self._adapt(style, on_step)
            self.students.keep(style, part)
        return part

    def _adapt(self, style: Style, on_step: OnStep | None) -> dict[str, Tensor]:
        return self._retry_on_oom(lambda _: self.students.learn(style, on_step))

    def _invert(
        self,
        aligned: AlignedFace,
        inversion_mode: InversionMode,
        purpose: Purpose,
        on_step: OnStep | None,
        start: Inversion | None = None,
    ) -> Inversion:
        faithful = inversion_mode == "faithful"
        stages = Stages(on_step, Tuning().steps if faithful else 0)
        found = replace(start, inversion_mode=inversion_mode) if faithful and start is not None else None
        if found is None:
            report = stages.next(last=not faithful)
            found = self._retry_on_oom(
                lambda small: invert(self.networks, aligned, inversion_mode, report, purpose, small=small)
            )
        if not faithful:
            return found
        report = stages.next(last=True)
        return replace(found, tuned=self._retry_on_oom(lambda _: tune(self.networks, aligned, found, report)))

    def _retry_on_oom(self, work: Callable[[bool], _T]) -> _T:
        return retry_on_oom(work, self.networks.backbone.wspace.mean.device)


def known_mode(inversion_mode: str) -> InversionMode:
    """The inversion mode, in upper or lower case. Raises ArgumentError."""
    return cast(InversionMode, choice("The inversion mode", inversion_mode, INVERSION_MODES))


def known_settings(settings: RenderSettings) -> RenderSettings:
    """The settings of a drawing. Raises ArgumentError."""
    return instance("settings", settings, RenderSettings, "a RenderSettings")


def _known_likeness(likeness: Tensor | None, inversion: Inversion | None) -> Tensor | None:
    """What `Stylizer.likeness` returned for this inversion. Raises ArgumentError."""
    likeness = optional("The likeness", likeness, Tensor, "what likeness returned")
    if likeness is None:
        return None
    if inversion is None:
        raise ArgumentError("The likeness is of an inversion; give that inversion, too.")
    if likeness.shape != inversion.w_plus.shape:
        raise ArgumentError("The likeness is of another shape than the code; give what the method likeness returned.")
    return likeness


@cache
def _opened_here(home: Path, device: str, hub: str | None, backbone: str) -> Stylizer:
    """The one Stylizer of this process for all that other processes send."""
    return Stylizer.open(home, device, hub=hub, backbone=backbone)
