"""Every default of the product, as frozen dataclasses; the page's and the command line's controls read theirs here."""

from collections.abc import Callable
from dataclasses import dataclass
from string import Template
from typing import Any, Literal, TypeVar

from stylizer.arguments import flag, number, whole_number
from stylizer.errors import SettingsError

InversionMode = Literal["fast", "refined", "faithful"]
INVERSION_MODES: tuple[InversionMode, ...] = ("fast", "refined", "faithful")
DEFAULT_INVERSION_MODE: InversionMode = "refined"
UpscaleMode = Literal["faithful", "natural"]
UPSCALE_MODES: tuple[UpscaleMode, ...] = ("faithful", "natural")
DEFAULT_UPSCALE_MODE: UpscaleMode = "faithful"
DrawerKind = Literal["auto", "student", "generator"]
DRAWER_KINDS: tuple[DrawerKind, ...] = ("auto", "student", "generator")
DEFAULT_DRAWER_KIND: DrawerKind = "auto"
SIZES = (1024, 4096)  # sides of a portrait in pixels: as it is drawn, and enlarged

BACKBONE_NAMES = ("mobilestylegan", "stylegan2")  # of the face generators that there are; the first is the default

STRENGTH_MIN, STRENGTH_MAX = 0.0, 1.5  # 0 = the inverted photo, 1 = the full style, beyond = exaggerated
AMOUNT_MIN, AMOUNT_MAX = 0.0, 1.5  # of the style's shape, texture, colour; 1 = as learned
LIKENESS, LIKENESS_MIN, LIKENESS_MAX = 0.0, 0.0, 1.0  # of the person: 0 = as the style draws them, 1 = all found
ITERATIONS_MIN, ITERATIONS_MAX = 1, 2000
QUICK_STEPS, THOROUGH_STEPS = 96, 450  # steps that a visitor waits for, and those that the presets took
SEED_MAX = 2**31 - 1
COUNT, COUNT_MIN, COUNT_MAX = 6, 1, 64  # invented people at once
PICTURE_SIDE_MIN = 64  # px; of any picture that is opened
PICTURE_PIXELS_MAX = 200_000_000  # of a file; the largest phone cameras take 200 megapixels
PICTURE_PIXELS_KEPT = 64_000_000  # in memory; a larger picture is shrunk when it is opened
PICTURE_RATIO_MAX = 20  # of the long side to the short one
PICTURE_BYTES_MAX = 1_000_000_000  # of a picture that comes as a stream
UPSCALE_PIXELS_MAX = 16_000_000  # of a picture before it is enlarged; sixteen times as many come out
UPSCALE_PIXELS_SERVED_MAX = 4_000_000  # the same, of a program that calls the page's endpoint
VIDEO_SIDE_MIN, VIDEO_SIDE_MAX = 64, 7680  # px of a video's longer side, where one is asked for
PAGE_VIDEO_SECONDS = 120  # of a video on the page
PAGE_VIDEO_SIDES = {"up to 1280 px": 1280, "up to 640 px": 640, "up to 1920 px": 1920}  # the first is the default
LIVE_VISITS_MAX = 4  # cameras that are on at the same time
LIVE_SECONDS = 600.0  # that a camera is on without being started again
LIVE_IDLE_SECONDS = 20.0  # without a frame, after which a camera counts as off
LIVE_PIXELS_MAX = 1280 * 960  # of a camera's frame
DECODE_WORKERS = 2  # processes that open the pictures of a page's visitors
DECODE_SECONDS_MAX = 20.0  # of one picture there
DECODE_MEMORY_MAX = 2_500_000_000  # bytes of one picture there; enough for 200 megapixels of JPEG or PNG, 120 of WebP
TRUNCATION, TRUNCATION_MIN, TRUNCATION_MAX = 0.7, 0.0, 1.0  # how far they are from the mean face
MIX_RATIO, MIX_RATIO_MIN, MIX_RATIO_MAX = 0.5, 0.0, 1.0  # of two styles: 0 = the first alone, 1 = the second alone


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise SettingsError, with the range in its sentence, unless low <= value <= high.

    Args:
        name: begins the sentence, as "The seed".
    """
    if not low <= value <= high:
        raise SettingsError(f"{name} is {_written(value)}; choose a value from {_written(low)} to {_written(high)}.")


def _written(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


RANGES = {
    "strengths": f"{STRENGTH_MIN:g} to {STRENGTH_MAX:g}",
    "amounts": f"{AMOUNT_MIN:g} to {AMOUNT_MAX:g}",
    "likenesses": f"{LIKENESS_MIN:g} to {LIKENESS_MAX:g}",
    "ratios": f"{MIX_RATIO_MIN:g} to {MIX_RATIO_MAX:g}",
    "iterations": f"{ITERATIONS_MIN} to {ITERATIONS_MAX}",
    "seeds": f"0 to {SEED_MAX}",
    "counts": f"{COUNT_MIN} to {COUNT_MAX}",
    "truncations": f"{TRUNCATION_MIN:g} to {TRUNCATION_MAX:g}",
}
"""The ranges in words, for help texts."""

_F = TypeVar("_F", bound=Callable[..., Any])


def ranges_in_doc(function: _F) -> _F:
    """Put the ranges into a docstring that users read: $amounts becomes "0 to 1.5"; see `RANGES`."""
    function.__doc__ = Template(function.__doc__ or "").safe_substitute(RANGES)
    return function


@dataclass(frozen=True)
class TrainSettings:
    """What one fine-tune depends on, beside the reference itself.

    iterations: optimisation steps; `THOROUGH_STEPS` draw firmer and take some five times as long.
    seed: of the style-mixing draws and the crops; same seed, same style.
    """

    iterations: int = QUICK_STEPS
    seed: int = 0

    def __post_init__(self) -> None:
        for field, name in (("iterations", "The number of iterations"), ("seed", "The seed")):
            object.__setattr__(self, field, whole_number(name, getattr(self, field)))  # of NumPy's kinds, too
        check_range("The number of iterations", self.iterations, ITERATIONS_MIN, ITERATIONS_MAX)
        check_range("The seed", self.seed, 0, SEED_MAX)


@dataclass(frozen=True)
class JojoganSettings(TrainSettings):
    """What one fine-tune by JoJoGAN's published recipe depends on, beside the reference; see `styles.jojogan`.

    keep_color: learn line and light only; a photo keeps its colours.
    recipe: its name, which tells these settings from others in cards and keys.
    """

    iterations: int = 300
    keep_color: bool = False
    recipe: Literal["jojogan"] = "jojogan"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "keep_color", flag("keep_color", self.keep_color))


RECIPES = ("own", "jojogan", "jojogan-keep-color")


def settings_of(recipe: str, iterations: int | None = None, seed: int = 0) -> TrainSettings:
    """The settings of a recipe of `RECIPES`; iterations None: as many as it has by itself.

    Raises:
        SettingsError: there is no such recipe, or a number is out of its range.
    """
    if recipe not in RECIPES:
        raise SettingsError(f"There is no recipe {recipe}; choose one of {', '.join(RECIPES)}.")
    if recipe == "own":
        return TrainSettings(seed=seed) if iterations is None else TrainSettings(iterations, seed)
    keep_color = recipe == "jojogan-keep-color"
    settings = JojoganSettings(seed=seed, keep_color=keep_color)
    return settings if iterations is None else JojoganSettings(iterations, seed, keep_color)


@dataclass(frozen=True)
class RenderSettings:
    """What a rendering depends on, beside the code and the style.

    strength: 0 = the inverted photo untouched, 1 = the full style, up to STRENGTH_MAX.
    preserve_color: keep the photo's colours (at every strength), take only the style's light, line and texture.
    shape: 0 keeps the photo's proportions, 1 takes the style's (large eyes, a long chin), up to AMOUNT_MAX exaggerates.
    texture, color: how much of the style's finish and of its colours, 0 = none, 1 = as learned, up to AMOUNT_MAX.
    likeness: how much of the person's own features, 0 = as the style draws them, LIKENESS_MAX = as many as
        `styles.likeness` finds.
    The strength scales all of them.
    """

    strength: float = 1.0
    preserve_color: bool = False
    shape: float = 1.0
    texture: float = 1.0
    color: float = 1.0
    likeness: float = LIKENESS

    def __post_init__(self) -> None:
        object.__setattr__(self, "preserve_color", flag("preserve_color", self.preserve_color))
        object.__setattr__(self, "strength", number("The strength", self.strength))
        check_range("The strength", self.strength, STRENGTH_MIN, STRENGTH_MAX)
        for field in ("shape", "texture", "color"):
            name = f"The amount of {field}"
            object.__setattr__(self, field, number(name, getattr(self, field)))
            check_range(name, getattr(self, field), AMOUNT_MIN, AMOUNT_MAX)
        object.__setattr__(self, "likeness", number("The likeness", self.likeness))
        check_range("The likeness", self.likeness, LIKENESS_MIN, LIKENESS_MAX)

    @property
    def strength_alone(self) -> bool:
        """Whether nothing but the strength differs from the defaults."""
        return self == RenderSettings(self.strength)

    @property
    def style_color(self) -> float:
        """How much of the style's colours: none where the photo's are kept."""
        return 0.0 if self.preserve_color else self.color

    @property
    def likeness_share(self) -> float:
        """How many times the move that `styles.likeness` finds is added to a code; where it is 0, none is needed."""
        return self.strength * self.likeness
