"""Which drawer draws a video: the student, many times a second, or the generator, which every style and setting has."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from stylizer.backbones.base import device_of
from stylizer.errors import SettingsError
from stylizer.live.drawer import StudentDrawer
from stylizer.live.students import Students
from stylizer.settings import DrawerKind, RenderSettings
from stylizer.styles.style import Style
from stylizer.video.drawer import FaceDrawer, GeneratorDrawer
from stylizer.weights.load import Networks


def open_drawer(  # noqa: PLR0917 - as they are wanted
    networks: Networks,
    students: Students,
    style: Style | None,
    settings: RenderSettings,
    kind: DrawerKind,
    part_of: Callable[[Style], dict[str, Tensor]],
) -> FaceDrawer:
    """What draws the faces of a video.

    Args:
        kind: "auto" is the student where it is there, has learned the style and can do these settings.
        part_of: gives a style's part of the student, which it may have to learn; asked where the student is wanted.
    Raises:
        WeightsError: the student is wanted, and is not there. SettingsError: it cannot do what is wanted. The errors
        of `GeneratorDrawer`; whatever part_of raises.
    """
    drawable = style is not None and settings.strength_alone
    if kind == "auto" and style is not None and drawable and (part := students.part(style)) is not None:
        return students.drawer(style, part, settings.strength, device=device_of(networks.backbone))
    if kind != "student":
        return GeneratorDrawer(networks, style, settings)
    students.shared  # noqa: B018 - raises where it is missing, before anything else is found fault with
    if style is None or not drawable:
        raise SettingsError(
            "The student draws a style, and knows its strength alone; draw with the generator for anything else."
        )
    return students.drawer(style, part_of(style), settings.strength, device=device_of(networks.backbone))


def kind_of(drawer: Any) -> DrawerKind:
    """ "student" or "generator"."""
    return "student" if isinstance(drawer, StudentDrawer) else "generator"
