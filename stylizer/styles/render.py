"""Drawing: a code and a style, in the amounts that are wanted, become a picture.

Convention:
    Strength 0 is the picture without a style, bit for bit, whichever renderer is in use: both are one call. Pictures
    of different renderers (torch, OpenVINO; see `backbones.synthesis`) may differ by one level of 255.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.backbones.base import ParameterRule, device_of
from stylizer.backbones.synthesis import Change, Synthesis
from stylizer.faces.deformation import LandmarkDeformation, bend
from stylizer.faces.mesh import MeshFinder
from stylizer.imaging.color import mix_colors
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.inversion.code import Inversion
from stylizer.networks.parser import PARSER_SIDE
from stylizer.runtime import retry_on_oom
from stylizer.settings import RenderSettings
from stylizer.styles.clothes import with_clothes
from stylizer.styles.colours import with_colours
from stylizer.styles.complexion import with_depth
from stylizer.styles.ground import with_clear_ground, with_skin
from stylizer.styles.lending import lend
from stylizer.styles.line_finish import in_lines, share_in_lines
from stylizer.styles.locks import with_locks
from stylizer.styles.marks import with_marks
from stylizer.styles.mesh_warp import Points, grid_between, sampled
from stylizer.styles.mixing import with_finish
from stylizer.styles.mouths import with_own_opening
from stylizer.styles.outlines import outlined
from stylizer.styles.pairs import FaceReader
from stylizer.styles.person import Person
from stylizer.styles.shaving import shaved
from stylizer.styles.style import Style, check_fits
from stylizer.weights.load import Networks

_DOUBTED = 0.08  # of a picture: so much of it is neither surely of a person nor surely not
_STRAYED = 0.06  # sides of the picture by which the mesh of a drawn face lies off the person's at most


class StyleRenderer:
    """One style in one set of amounts, its weights merged once: draws any number of codes. Any thread may call it.

    Args:
        style: None draws without a style.
        tuned: what one photo changed of the base network; codes with the same are drawn from the merged weights.
    Raises:
        StyleFileError: the style was made for another network.
    """

    def __init__(
        self,
        networks: Networks,
        style: Style | None,
        settings: RenderSettings,
        tuned: Mapping[str, Tensor] | None = None,
    ) -> None:
        if style is not None:
            check_fits(style, networks.spec.name, dict(networks.backbone.generator.named_parameters()))
        self._networks, self._style, self._settings = networks, style, settings
        self._deformation = LandmarkDeformation() if style is None else style.deformation
        self._plain = style is None or settings.strength == 0
        self._tuned = tuned or {}
        self._merged = self._merge(self._tuned)

    def __call__(
        self,
        inversion: Inversion,
        *,
        likeness: Tensor | None = None,
        inverted: Image.Image | None = None,
        photo: Image.Image | None = None,
    ) -> Image.Image:
        """Draw a code.

        Args:
            likeness: what is added to the code, times the strength and the settings' likeness; (num_ws, w_dim).
            inverted: the picture without a style, if it was drawn before.
            photo: the crop that was inverted, of any size. Hair, clothes, ears, glasses and teeth are drawn as it has
                them, if people can be told from the ground in it, and not as the inversion has. Where the settings keep
                the photo's colours, these are taken, at strength 0 too; without it, the inversion's, which differ.
        Returns:
            A square of the backbone's side.
        Raises:
            DeviceError: out of memory.
        """
        settings, spec = self._settings, self._networks.spec
        if self._plain:
            plain = inverted or self._picture(self._merged_for(inversion), inversion.w_plus)
            keeps = self._style is not None and photo is not None and settings.style_color < 1
            return mix_colors(plain, plain, settings.style_color, photo) if keeps else plain
        w_plus = inversion.w_plus
        if likeness is not None and settings.likeness_share:
            w_plus = w_plus + settings.likeness_share * likeness
        mean, finish = self._networks.backbone.wspace.mean, settings.strength * settings.texture
        picture = self._picture(self._merged_for(inversion), with_finish(w_plus, mean, finish, spec.finish_from))
        picture = self._in_the_hand(picture, inversion, inverted, photo)
        if settings.style_color != 1:
            plain = inverted or draw(self._networks, inversion, None, settings)
            picture = mix_colors(picture, plain, settings.style_color, photo)
        known = inversion.landmarks_xy
        landmarks_xy = np.array(spec.mean_landmarks_xy, np.float32) if known is None else known
        have, want = settings.strength, settings.strength * settings.shape  # the weights draw the deformation too
        return bend(picture, landmarks_xy, self._deformation, have, want, size=spec.side)

    def _in_the_hand(
        self, picture: Image.Image, inversion: Inversion, inverted: Image.Image | None, photo: Image.Image | None
    ) -> Image.Image:
        """What was drawn, in lines, in the style's colours and with its strokes, as far as the settings want them."""
        settings, faces, style = self._settings, self._networks.faces, self._style
        amount = min(settings.strength * settings.texture, 1.0)
        if style is None or amount <= 0:
            return picture
        lines = amount * share_in_lines(style.lines)
        colours = style.colours
        if not (style.examples or colours or lines):
            return picture
        reader = None if faces is None else FaceReader(MeshFinder(faces), faces.segmenter)
        mesh = None if reader is None else reader.mesh(picture)
        if faces is None or reader is None or mesh is None or not (style.examples or colours):
            return in_lines(picture, mesh, lines)
        seen = self._seen(photo, reader, mesh)
        if seen is None or not seen.is_clear:
            seen = self._seen(inverted or draw(self._networks, inversion, None, settings), reader, mesh)
        if seen is None:
            return in_lines(picture, mesh, lines)
        lent = amount * (1 - settings.likeness)
        locks = [found for example, share in style.examples if (found := example.locks(lent * share))]
        picture, mesh = with_own_opening(picture, mesh, seen.mesh_xyz, amount)
        person = self._person(seen, mesh, with_fringe=bool(locks))
        picture = with_locks(locks, in_lines(picture, mesh, lines, hair_follows=bool(locks)), mesh, person)
        picture = with_clear_ground(picture, person.figure, amount)
        picture = with_colours(colours, picture, mesh, person, amount)
        picture = with_skin(picture, person, amount)
        picture = with_clothes(picture, person, amount) if locks else picture
        for example, share in style.examples:
            picture = lend(example, picture, mesh, person, share * lent, faces.parser)
        picture = shaved(picture, mesh, person, amount)
        if (sitter := style.complexion) is not None:
            picture = with_depth(sitter, picture, mesh, person, amount)
        for example, share in style.examples:
            if example.patches is not None:
                picture = with_marks(example.patches, picture, mesh, person, share * amount)
        # Beside hair that is not drawn up to it, an outline would be a second one.
        jaw = sum(share * example.jaw for example, share in style.examples)
        return outlined(style.outlines, picture, mesh, person, amount, jaw=jaw) if locks else picture

    def _seen(self, plain: Image.Image | None, reader: FaceReader, mesh_xyz: Points) -> "_Seen | None":
        """A picture without a style in which the person lies about as a drawing's mesh does; else None.

        A photo shows more of them than any code: the parting of their hair, a collar, an ear.
        """
        side = self._networks.spec.side
        if plain is None:
            return None
        plain = plain if plain.width == side else plain.resize((side, side), Image.Resampling.LANCZOS)
        mesh = reader.mesh(plain)
        if mesh is None or np.abs(mesh - mesh_xyz)[:, :2].mean() > _STRAYED * side:
            return None
        full = to_tensor(plain)
        return _Seen(full, mesh, reader.person(F.interpolate(full, size=PARSER_SIDE, mode="area")))

    def _person(self, seen: "_Seen", mesh_xyz: Points, with_fringe: bool) -> Person:
        """Who is drawn, bent to the face that is drawn, as a style has its own proportions."""
        faces, side = self._networks.faces, seen.picture.shape[-1]
        assert faces is not None
        grid = grid_between(seen.mesh_xyz, mesh_xyz, side)
        areas = faces.parser(F.interpolate(seen.picture, size=PARSER_SIDE, mode="area"))
        people, areas = (sampled(x, grid, PARSER_SIDE).clamp(0, 1) for x in (seen.people, areas))
        return Person.of(sampled(seen.picture, grid, side), mesh_xyz, people, areas, with_fringe)

    def _merged_for(self, inversion: Inversion) -> Synthesis:
        same = inversion.tuned is self._tuned or not (inversion.tuned or self._tuned)
        return self._merged if same else self._merge(inversion.tuned)

    def _merge(self, tuned: Mapping[str, Tensor]) -> Synthesis:
        changes: list[Change] = [(tuned, lambda _: 1.0)]
        if self._style is not None and not self._plain:
            shares = _shares(self._settings, self._networks.spec.is_texture, self._style.has_shape_in_weights)
            changes.append((self._style.delta, shares))
        return self._networks.synthesizer.merge(changes)

    def _picture(self, synthesis: Synthesis, w_plus: Tensor) -> Image.Image:
        if not self._networks.spec.is_code(w_plus):
            raise ValueError(f"w_plus is {tuple(w_plus.shape)}, not a code of {self._networks.spec.name}")
        return retry_on_oom(lambda _: to_image(synthesis(w_plus[None])), device_of(self._networks.backbone))


@dataclass(frozen=True, eq=False)
class _Seen:
    """A picture without a style, (1, 3, side, side), the mesh of its face, in its pixels, and where people are in it,
    (1, 1, s, s)."""

    picture: Tensor
    mesh_xyz: Points
    people: Tensor

    @property
    def is_clear(self) -> bool:
        """Whether people can be told from what is behind them: black clothes cannot, on black."""
        return float((4 * self.people * (1 - self.people)).mean()) < _DOUBTED


def compile_style(
    networks: Networks, style: Style | None, settings: RenderSettings, tuned: Mapping[str, Tensor] | None = None
) -> StyleRenderer:
    """Merge a style's weights once, to draw many times; see `StyleRenderer`."""
    return StyleRenderer(networks, style, settings, tuned)


def draw(
    networks: Networks,
    inversion: Inversion,
    style: Style | None,
    settings: RenderSettings,
    *,
    likeness: Tensor | None = None,
    inverted: Image.Image | None = None,
    photo: Image.Image | None = None,
) -> Image.Image:
    """Draw one code in a style; the arguments and errors are those of `StyleRenderer`."""
    as_it_is = style is None or (settings.strength == 0 and (photo is None or settings.style_color >= 1))
    if as_it_is and inverted is not None:
        return inverted
    renderer = compile_style(networks, style, settings, inversion.tuned)
    return renderer(inversion, likeness=likeness, inverted=inverted, photo=photo)


def _shares(settings: RenderSettings, is_texture: ParameterRule, has_shape: bool) -> Callable[[str], float]:
    """How many times a style's change of a parameter is added; has_shape: the style's shape is in its weights."""
    texture = settings.strength * settings.texture
    rest = settings.strength * settings.shape if has_shape else settings.strength
    return lambda name: texture if is_texture(name) else rest
