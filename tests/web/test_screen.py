"""What the page's parts show once a portrait is there, without a page."""

from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

from stylizer.serving.jobs import Reporter
from stylizer.serving.portrait import open_session
from stylizer.serving.render_request import RenderRequest
from stylizer.serving.work import Request, draw
from stylizer.settings import TrainSettings
from stylizer.web.screen import Screen
from tests.fakes import FakeStylizer
from tests.web.page_pictures import face

NOTE = "2 faces were found; the largest is used."


def test_choices_made_for_the_visitor_are_shown(tmp_path: Path) -> None:
    fake = FakeStylizer(presets=["ink"])
    align = fake.align
    fake.align = lambda *args, **options: replace(align(*args, **options), notes=(NOTE,))  # type: ignore[method-assign]
    request = Request(face(tmp_path / "anna.png", "pink"), (), "ink", TrainSettings(), RenderRequest())
    drawn = draw(fake, request, MagicMock(spec=Reporter))
    outputs = MagicMock()
    updates = Screen(outputs).portrait(open_session(drawn, tmp_path))
    assert NOTE in updates[outputs.note] and "Done." in updates[outputs.note]
    plain = replace(drawn, mixer=replace(drawn.mixer, aligned=replace(drawn.mixer.aligned, notes=())))
    assert NOTE not in Screen(outputs).portrait(open_session(plain, tmp_path))[outputs.note]
