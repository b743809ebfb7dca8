"""Drawing: a code and a style, in the amounts that are wanted, become a picture."""

from dataclasses import replace

from PIL import Image
from torch import Tensor

from stylizer.faces.proportions import bend
from stylizer.imaging.color import mix_colors
from stylizer.imaging.tensors import to_image
from stylizer.inversion.refined import Inversion
from stylizer.runtime import retry_on_oom
from stylizer.settings import RenderSettings
from stylizer.styles.mixing import warp_amount, weighted, with_finish
from stylizer.styles.style import Style, render
from stylizer.weights.load import Networks


def draw(
    networks: Networks,
    inversion: Inversion,
    style: Style | None,
    settings: RenderSettings,
    *,
    likeness: Tensor | None = None,
    inverted: Image.Image | None = None,
) -> Image.Image:
    """Draw a code in a style, 1024 x 1024.

    Args:
        style: None is the inverted photo, as strength 0 is, bit for bit.
        likeness: what is added to the code, times the strength; (23, 512).
        inverted: the picture without a style, if it is at hand.
    Raises:
        StyleFileError: the style was made for another network. DeviceError: out of memory.
    """
    if style is None or settings.strength == 0:
        return inverted or _picture(networks, inversion, None, 0.0)
    w_plus = inversion.w_plus if likeness is None else inversion.w_plus + settings.strength * likeness
    w_plus = with_finish(w_plus, networks.wspace.mean, settings.strength * settings.texture)
    moved = replace(inversion, w_plus=w_plus)
    # Beyond 1 the proportions alone grow: changes of the first blocks in excess break the face.
    wanted = weighted(style, min(settings.shape, 1.0), settings.texture)
    picture = _picture(networks, moved, wanted, settings.strength)
    if settings.style_color != 1:
        plain = inverted or _picture(networks, inversion, None, 0.0)
        picture = mix_colors(picture, plain, settings.style_color)
    return bend(
        picture, inversion.landmarks_xy, style.proportions, settings.strength * warp_amount(style, settings.shape)
    )


def _picture(networks: Networks, inversion: Inversion, style: Style | None, strength: float) -> Image.Image:
    code, device = inversion.w_plus, next(networks.generator.parameters()).device
    return retry_on_oom(lambda _: to_image(render(networks.generator, code, style, strength, inversion.tuned)), device)
