"""How a style is learned, in numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Rates and loss weights of the fine-tuning.

    rate: Adam's step as a fraction of each tensor's root mean square (JoJoGAN: 2e-3 on weights of unit variance);
    detail_rate: times as much in the layers that draw details alone.
    references: share of the steps on references. mix: how far at most the fine styles go towards a random face's.
    pool, meet_every: number of invented faces at most, and how many steps there are to each. offset: how far off W they
    are, in deviations.
    shape: see `PairMaker`. parts, inner: how much more than the rest of the face count eyes, brows, nose and mouth, and
    what is inside the outlines of eyes and lips.
    around: how much what is around the face counts, the face being 1. windows: how many are drawn in a step.
    discriminator, target_discriminator: weigh what the backbone's discriminator sees of a reference and of a target,
    where it has one.
    The others weigh the losses.
    """

    rate: float = 3e-3
    detail_rate: float = 0.6
    momentum: float = 0.9
    references: float = 0.35
    mix: float = 0.8
    pool: int = 64
    meet_every: int = 6
    offset: float = 0.3
    shape: float = 1.0
    parts: float = 7.0
    inner: float = 20.0
    around: float = 1.0
    windows: int = 1
    color: float = 2.5
    target: float = 4.0
    target_color: float = 7.5
    identity: float = 1.6
    structure: float = 2.0
    face_statistics: float = 1.0
    statistics: float = 0.3
    palette: float = 1.0
    window: float = 1.5
    texture: float = 0.3
    pattern: float = 20.0
    bands: float = 0.5
    lattice: float = 20.0
    # With random weights at 256 px these begin as large as the features' distances beside them, 4 in a step on a
    # reference and 16 in one on an invented face. They were never tuned on real weights.
    discriminator: float = 20.0
    target_discriminator: float = 80.0


RECIPE = Recipe()  # of the product
DISCRIMINATOR_WEIGHTS = ("discriminator", "target_discriminator")  # what counts only where there is a discriminator
