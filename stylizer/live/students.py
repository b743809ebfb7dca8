"""The students of one installation: the shared network, loaded when it is first wanted, and the parts of styles.

A style's part is learned from pictures of the generator that the style is a change of, so it is no other generator's.
The shared network was trained on those of the default generator.
"""

import threading
from pathlib import Path

import torch
from torch import Tensor

from stylizer.environment import STUDENT_FILE, has_student
from stylizer.errors import WeightsError
from stylizer.live.adapt import AdaptConfig, adapt
from stylizer.live.drawer import LIVE_SIDE, StudentDrawer
from stylizer.live.files import SharedStudent, known_part, part_path, parts_dir, preset_parts, read_shared, save_part
from stylizer.live.lent import Lent
from stylizer.progress import OnStep
from stylizer.styles.style import Style, check_fits
from stylizer.weights.load import Networks


class Students:
    """Gives drawers of styles. Safe to use from any thread.

    Args:
        networks: the base networks; a style's part is learned from them.
        home: the product's folder, where learned parts are stored.
        shared: the shared network; None: the one that comes with the program, if it does.
        config: how parts are learned.
    """

    def __init__(
        self,
        networks: Networks,
        home: Path,
        shared: SharedStudent | None = None,
        config: AdaptConfig = AdaptConfig(),  # noqa: B008 - frozen
    ) -> None:
        self._networks, self._home, self._shared, self._config = networks, home, shared, config
        self._lock = threading.Lock()

    @property
    def installed(self) -> bool:
        """Whether there is a shared network."""
        return self._shared is not None or has_student()

    @property
    def shared(self) -> SharedStudent:
        """The shared network.

        Raises:
            WeightsError: there is none, or its file is damaged.
        """
        with self._lock:
            if self._shared is None:
                if not self.installed:
                    raise WeightsError(
                        "The student's weights do not come with this version; draw with the generator instead."
                    )
                self._shared = read_shared(STUDENT_FILE)
            return self._shared

    def part(self, style: Style) -> dict[str, Tensor] | None:
        """A style's part; None: it was not learned yet, or there is no shared network.

        Raises:
            WeightsError: the shared network's file is damaged. OtherBackboneError: the style is another generator's.
        """
        check_fits(style, self._networks.spec.name, dict(self._networks.backbone.generator.named_parameters()))
        return known_part(style, self.shared, self._home) if self.installed else None

    def learn(self, style: Style, on_step: OnStep | None = None) -> dict[str, Tensor]:
        """A style's part, learned now, in about a minute; nothing is stored.

        Raises:
            WeightsError: there is no shared network. The errors of `adapt`.
        """
        shared = self.shared
        starts = list(preset_parts(shared).values())
        return adapt(self._networks, style, shared.student, starts, config=self._config, on_step=on_step)

    def keep(self, style: Style, part: dict[str, Tensor]) -> None:
        """Store a style's part, where the style has a key. Raises DiskFullError, OutputError."""
        if style.key:
            save_part(part, part_path(parts_dir(self._home), style.key), self.shared.digest, style.name)

    def drawer(
        self,
        style: Style,
        part: dict[str, Tensor],
        strength: float = 1.0,
        *,
        side: int = LIVE_SIDE,
        device: torch.device | None = None,
        threads: int | None = None,
    ) -> StudentDrawer:
        """What draws a style by its part; the others as of `StudentDrawer`. Raises SettingsError, WeightsError."""
        lent = Lent.of(style)
        return StudentDrawer(self.shared.student, part, strength, side, device=device, threads=threads, lent=lent)
