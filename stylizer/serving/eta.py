"""How long it takes to learn a style on this machine, as far as it has shown."""

# An iteration takes so many drawings, roughly (10 in benchmarks/speed.py on two cores, fewer on one); what comes before
# the first takes so many iterations.
DRAWINGS, PREPARING = 7.5, 5.0
STUDYING = 4.0  # iterations that it takes to study one picture


class LearningEta:
    """Seconds an iteration takes: as in the last training; before there was one, as a drawing makes one expect."""

    def __init__(self) -> None:
        self._iteration: float | None = None

    def drew(self, seconds: float) -> None:
        """A drawing took so long, and no style was learned yet."""
        self._iteration = DRAWINGS * seconds

    def learned(self, iterations: int, seconds: float, pictures: int = 1) -> None:
        """A style of so many pictures took so long."""
        self._iteration = seconds / _steps(iterations, pictures)

    def seconds(self, iterations: int, pictures: int = 1) -> float | None:
        """How long a style will take; None where nothing is known."""
        return None if self._iteration is None else self._iteration * _steps(iterations, pictures)


def _steps(iterations: int, pictures: int) -> float:
    return iterations + PREPARING + STUDYING * pictures
