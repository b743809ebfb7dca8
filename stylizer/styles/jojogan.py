"""JoJoGAN's recipe as its authors published it, for backbones that have a discriminator.

The reference is encoded once. In every step the fine styles of its code are those of a random face, and whatever the
generator draws from that has to be the reference, for the features that the discriminator sees. All weights of the
generator are moved, at one rate: they are stored with unit variance.

What differs from the published code: the noise maps are constant, several references are taken one after the other
before each step of the optimiser (the same gradient, in less memory), and the random faces come from this program's
seed.
Source: Chong & Forsyth 2021, JoJoGAN: One Shot Face Stylization (arXiv 2112.11641), and its released code.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from stylizer.backbones.base import BackboneSpec, Generator, device_of
from stylizer.faces import AlignedFace
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.inversion.encode import encode
from stylizer.progress import OnStep
from stylizer.settings import JojoganSettings
from stylizer.styles.discriminator_features import DiscriminatorReader, feature_distance
from stylizer.styles.style import IN_WEIGHTS, SHAPE, Style
from stylizer.weights.load import Networks

RATE, MOMENTS = 2e-3, (0.0, 0.99)
COLORLESS = (9, 11, 15, 16, 17)  # the styles that are exchanged where a photo's colours are to stay
PREVIEW_EVERY = 8


def exchanged_styles(spec: BackboneSpec, keep_color: bool) -> list[int]:
    """The styles of a code that each step takes from a random face: all from 7 on, or those without colours."""
    return [style for style in range(spec.mix_from, spec.num_ws) if not keep_color or style in COLORLESS]


def learn(
    networks: Networks,
    references: Sequence[AlignedFace],
    settings: JojoganSettings,
    on_step: OnStep | None = None,
    *,
    small: bool = False,
) -> Style:
    """Learn a style from one or more references.

    Args:
        references: aligned faces, in crops of the backbone's side.
        on_step: called after each step; a preview every few steps. What it raises ends the work.
        small: compute maps again for the gradient instead of keeping them, and on a GPU in bfloat16, for a device that
            is short of memory; slower.
    Returns:
        Style with an empty key and name; its card says that its shape is in its weights. The same inputs and seed give
        the same bits.
    Raises:
        SettingsError: the backbone has no discriminator.
    """
    training = Training(networks, references, settings, small)
    for index in range(settings.iterations):
        picture = training.step()
        if on_step:
            on_step(index + 1, settings.iterations, to_image(picture) if index % PREVIEW_EVERY == 0 else None)
    return Style("", "", training.delta(), {SHAPE: IN_WEIGHTS})


class Training:
    """One fine-tune: its own copy of the generator, its own random draws."""

    def __init__(
        self, networks: Networks, references: Sequence[AlignedFace], settings: JojoganSettings, small: bool
    ) -> None:
        backbone, self.spec = networks.backbone, networks.spec
        self.device, self.mapping = device_of(backbone), backbone.mapping
        self.discriminator = DiscriminatorReader(networks, small)
        self.base = backbone.generator
        self.generator: Generator = copy.deepcopy(self.base).requires_grad_()
        self.generator.is_checkpointed = small
        self.optimiser = torch.optim.Adam(self.generator.parameters(), lr=RATE, betas=MOMENTS)
        self.rng = torch.Generator().manual_seed(settings.seed)
        self.exchanged = exchanged_styles(self.spec, settings.keep_color)
        self.examples: list[tuple[Tensor, list[Tensor]]] = []
        for face in references:
            code = encode(networks, face, 1, lambda _, __: None)
            with torch.no_grad():
                wanted = self.discriminator.features(to_tensor(face.crop).to(self.device))
            self.examples.append((backbone.wspace.to_w_plus(code.u, code.offsets), wanted))

    def step(self) -> Tensor:
        """One step on all references; returns the last one's picture, (1, 3, side, side)."""
        self.optimiser.zero_grad()
        for code, wanted in self.examples:
            z = torch.randn(1, self.spec.w_dim, generator=self.rng).to(self.device)
            mixed = code.clone()
            with torch.no_grad():
                mixed[:, self.exchanged] = self.mapping(z)[:, None]
            with self.discriminator.precision():
                picture = self.generator(mixed)
                loss = feature_distance(self.discriminator.features(picture), wanted) / len(self.examples)
            loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        shown: Tensor = picture.detach().float()
        return shown

    def delta(self) -> dict[str, Tensor]:
        """What was learned, in half precision on the CPU."""
        moved, base = self.generator.named_parameters(), dict(self.base.named_parameters())
        return {name: (parameter.detach() - base[name]).half().cpu() for name, parameter in moved}
