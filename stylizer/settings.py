"""Every default of the product, as frozen dataclasses; the page's and the command line's controls read theirs here."""

from dataclasses import dataclass
from typing import Literal

from stylizer.errors import SettingsError

InversionMode = Literal["fast", "refined", "faithful"]
INVERSION_MODES: tuple[InversionMode, ...] = ("fast", "refined", "faithful")
DEFAULT_INVERSION_MODE: InversionMode = "refined"

NUM_WS = 23
W_DIM = 512
CROP_SIZE = 1024

STRENGTH_MIN, STRENGTH_MAX = 0.0, 1.5  # 0 = the inverted photo, 1 = the full style, beyond = exaggerated
AMOUNT_MIN, AMOUNT_MAX = 0.0, 1.5  # of the style's shape, texture, colour; 1 = as learned
ITERATIONS_MIN, ITERATIONS_MAX = 1, 2000
SEED_MAX = 2**31 - 1
COUNT, COUNT_MAX = 6, 64  # invented people at once
PICTURE_SIDE_MIN = 64  # px; of any picture that is opened
PICTURE_PIXELS_MAX = 200_000_000  # of a file; the largest phone cameras take 200 megapixels
PICTURE_PIXELS_KEPT = 64_000_000  # in memory; a larger picture is shrunk when it is opened
PICTURE_RATIO_MAX = 20  # of the long side to the short one
PICTURE_BYTES_MAX = 1_000_000_000  # of a picture that comes as a stream
DECODE_WORKERS = 2  # processes that open the pictures of a page's visitors
DECODE_SECONDS_MAX = 20.0  # of one picture there
DECODE_MEMORY_MAX = 2_500_000_000  # bytes of one picture there; 200 megapixels take up to 1.5 GB
TRUNCATION = 0.7  # how far they are from the mean face, 0 to 1


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(f"{name} is {value:g}; choose a value from {low:g} to {high:g}.")


@dataclass(frozen=True)
class TrainSettings:
    """What one fine-tune depends on, beside the reference itself.

    iterations: optimisation steps.
    seed: of the style-mixing draws and the crops; same seed, same style.
    """

    iterations: int = 96
    seed: int = 0

    def __post_init__(self) -> None:
        _check("The number of iterations", self.iterations, ITERATIONS_MIN, ITERATIONS_MAX)
        _check("The seed", self.seed, 0, SEED_MAX)


@dataclass(frozen=True)
class RenderSettings:
    """What a rendering depends on, beside the code and the style.

    strength: 0 = the inverted photo untouched, 1 = the full style, up to 1.5.
    preserve_color: keep the photo's colours, take only the style's light, line and texture.
    shape, texture, color: how much of the style's proportions, of its finish and of its colours, 0 = none, 1 = as
    learned, up to 1.5; beside the strength, which scales all of them.
    """

    strength: float = 1.0
    preserve_color: bool = False
    shape: float = 1.0
    texture: float = 1.0
    color: float = 1.0

    def __post_init__(self) -> None:
        _check("The strength", self.strength, STRENGTH_MIN, STRENGTH_MAX)
        for name in ("shape", "texture", "color"):
            _check(f"The amount of {name}", getattr(self, name), AMOUNT_MIN, AMOUNT_MAX)

    @property
    def style_color(self) -> float:
        """How much of the style's colours: none where the photo's are kept."""
        return 0.0 if self.preserve_color else self.color
