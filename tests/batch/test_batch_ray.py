"""Ray's workers give what the others give, and what kills them is survived."""

from dataclasses import replace
from pathlib import Path

import pytest

from stylizer.batch import ray_pool
from stylizer.batch.executors import InProcess
from stylizer.batch.plan import Item
from stylizer.batch.ray_pool import RayOptions, RayPool
from stylizer.errors import OutputError, SettingsError
from tests.batch.parts import STYLES, inversions, setup_of
from tests.batch.test_batch_pool import PHOTOS, deadly, digests, draw, items  # noqa: F401
from tests.fakes import FakeStylizer

OPTIONS = RayOptions(workers=2)


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> object:
    """One for all tests of this file: it takes seconds to start."""
    pytest.importorskip("ray", reason="needs the extra ray")
    with ray_pool._cluster(OPTIONS, 1):
        yield


def pool(out: Path, notes: Path, **how: float) -> RayPool:
    fake = FakeStylizer(presets=STYLES)
    styles = {style.key: style for style in map(fake.find_style, STYLES)}
    return RayPool(setup_of(out, notes, **how), styles, OPTIONS)  # type: ignore[arg-type]


@pytest.mark.slow
def test_ray_gives_the_same_bytes_and_records(items: list[Item], tmp_path: Path) -> None:  # noqa: F811
    alone = draw(InProcess(setup_of(tmp_path / "alone", tmp_path)), items)
    before = len(inversions(tmp_path))
    assert draw(pool(tmp_path / "ray", tmp_path, delay=0.05), items) == alone
    assert digests(tmp_path / "ray") == digests(tmp_path / "alone")
    lines = inversions(tmp_path)[before:]
    assert len(lines) == PHOTOS - 2 and len({line.split()[0] for line in lines}) == 2


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(items: list[Item], tmp_path: Path) -> None:  # noqa: F811
    alone = draw(InProcess(setup_of(tmp_path / "alone", tmp_path)), items)
    (tmp_path / "die").touch()
    assert draw(pool(tmp_path / "ray", tmp_path), items) == alone
    assert not (tmp_path / "die").exists()
    assert digests(tmp_path / "ray") == digests(tmp_path / "alone")


@pytest.mark.slow
def test_an_item_that_kills_all_its_workers_is_given_up(items: list[Item], tmp_path: Path) -> None:  # noqa: F811
    records = draw(pool(tmp_path / "ray", tmp_path), [items[0], deadly(tmp_path / "bad.png"), items[7]])
    assert {record.input: record.kind for record in records} == {"0.png": None, "bad.png": "WorkerDied", "7.png": None}


@pytest.mark.slow
def test_what_holds_for_all_items_ends_the_run(items: list[Item], tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "blocked").write_text("no folder")
    blocked = pool(tmp_path / "ray", tmp_path)
    blocked._setup = replace(blocked._setup, out=tmp_path / "blocked")
    with pytest.raises(OutputError):
        draw(blocked, items)


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(SettingsError, match="cannot be reached"), ray_pool._cluster(RayOptions("not an address"), 1):
        raise AssertionError("not reached")


def test_workers_that_cannot_start_are_one_sentence() -> None:
    """The last line of what Ray tells is the reason."""
    import ray

    told = "The actor died ...\nTraceback (most recent call last):\nModuleNotFoundError: No module named 'stylizer'"
    wanted = r"Ray cannot draw \(ModuleNotFoundError: No module named 'stylizer'\); this package has to be installed"
    with pytest.raises(SettingsError, match=wanted), ray_pool._told(ray):
        raise ray.exceptions.RaySystemError(told)
