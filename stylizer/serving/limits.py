"""The house rules that every job meets: when the program ends, how long a job may take, and who counts it."""

import threading

from stylizer.serving.metrics import Metrics


class RunLimits(threading.Event):
    """Set when the program ends, as the plain event that jobs look at; with the rules of this program beside it.

    Args:
        max_seconds: that a job may take, more than 0; None: as long as it likes. Waiting for its turn, and for the
            networks, does not count.
        meter: counts jobs.
    """

    def __init__(self, max_seconds: float | None = None, metrics: Metrics | None = None) -> None:
        super().__init__()
        self.max_seconds, self.metrics = max_seconds, metrics or Metrics()


def run_limits_of(closing: threading.Event) -> RunLimits:
    """The rules that go with an event; for a plain one, none: no limit, and counts that nobody reads."""
    return closing if isinstance(closing, RunLimits) else RunLimits()
