"""Files and bodies that visitors send to a running page: what is taken, under which names, and what is left of them."""

import base64
import contextlib
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio_client import handle_file

from stylizer.serving.http.bodies import BodyLimits, RefusedError
from stylizer.serving.http.guard import Access
from stylizer.serving.http.payloads import screen
from stylizer.serving.http.uploading import Space
from stylizer.serving.uploads import Uploads
from stylizer.web.app import build_app, launch
from tests.fakes import FakeStylizer
from tests.serving.front_door import client_of
from tests.web.page_pictures import face

LIMITS = BodyLimits(
    json_bytes=300_000,
    form_bytes=2000,
    file_bytes=1_000_000,
    files=3,
    visitor_bytes=4_000_000,
    folder_bytes=20_000_000,
    free_bytes=0,
    idle_seconds=1.0,
    json_seconds=2.0,
    upload_seconds=3.0,
)
BOUNDARY = "boundary-of-a-test"


class Page:
    """A running page and the folder of its uploads."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    def upload(self, *files: tuple[str, bytes], **options: Any) -> httpx.Response:
        return httpx.post(f"{self.url}gradio_api/upload", files=[("files", file) for file in files], **options)

    def files(self) -> set[Path]:
        return {path for path in self.folder.rglob("*") if path.is_file()}

    def empty(self) -> None:
        for path in self.files():
            path.unlink()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page with small limits."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "gradio"))
        blocks: gr.Blocks = build_app(FakeStylizer(presets=["Ink"]), folder / "none")
        url, _ = launch(blocks, Access(limits=LIMITS))
        yield Page(url, folder / "gradio")
        blocks.close(verbose=False)


@pytest.fixture
def page(served: Page) -> Page:
    """The same with nothing uploaded."""
    served.empty()
    return served


def body(*parts: tuple[str, bytes], end: bool = True) -> bytes:
    """A multipart body, written by hand; a part is a header's value and its content."""
    pieces = [f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data for head, data in parts]
    return b"\r\n".join([*pieces, f"--{BOUNDARY}--\r\n".encode()] if end else pieces)


def send(page: Page, content: bytes, **headers: str) -> httpx.Response:
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **headers}
    return httpx.post(f"{page.url}gradio_api/upload", content=content, headers=kind)


def test_files_are_stored_whole_and_in_order(page: Page) -> None:
    contents = [os.urandom(200_000), b"", os.urandom(999_999)]
    answer = page.upload(*((f"{n}.png", content) for n, content in enumerate(contents)))
    assert answer.status_code == 200
    assert [Path(path).read_bytes() for path in answer.json()] == contents
    assert [Path(path).name for path in answer.json()] == ["0.png", "1.png", "2.png"]
    assert page.files() == {Path(path) for path in answer.json()}
    again = page.upload(("0.png", contents[0]))
    assert again.json() == answer.json()[:1], "Gradio looks for a file of this content there"


@pytest.mark.parametrize(
    "name",
    ["../../etc/cron.d/x.png", "..", "/etc/passwd", "C:\\x\\y.png", "a\nb.png", "a\0b.png", "\u202egpj.exe", "." * 300],
)
def test_names_are_cleaned_before_they_are_stored_or_shown(page: Page, name: str) -> None:
    quoted = name.replace("\n", "%0A").encode()
    answer = send(page, body((f'name="files"; filename="{quoted.decode()}"', b"x")))
    assert answer.status_code == 200, answer.text
    path = Path(answer.json()[0])
    assert page.files() == {path}
    assert page.folder in path.parents
    assert path.parent.parent == page.folder
    assert path.name.isprintable()
    assert not set(path.name) & set("/\\\u202e\0\n")
    assert "\u202e" not in answer.text
    assert "u202e" not in answer.text


def test_a_long_name_is_cut_and_keeps_its_suffix(page: Page) -> None:
    path = Path(page.upload((f"{'ä' * 300}.png", b"x")).json()[0])
    assert path.is_file()
    assert path.suffix == ".png"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (body(('name="files"; filename="a.png"', b"x" * 1_000_001)), 413),
        (body(*[('name="files"; filename="a.png"', b"x")] * 4), 413),
        (body(('name="files"; filename="a.png"', b"x"), end=False), 400),
        (body(('name="files"', b"x")), 400),
        (body(('name="other"; filename="a.png"', b"x")), 400),
        (body(*[('name="field"', b"x")] * 50), 400),
        (b"", 400),
        (b"nonsense", 400),
        (body(("x" * 10_000, b"x")), 400),
    ],
)
def test_what_is_not_taken_leaves_nothing(page: Page, content: bytes, status: int) -> None:
    answer = send(page, content)
    assert answer.status_code == status
    assert len(answer.text.strip().splitlines()) == 1
    assert answer.text.strip().endswith(".")
    assert page.files() == set()


def test_a_field_that_is_no_file_is_not_kept_in_memory(page: Page) -> None:
    answer = send(page, body(('name="note"', b"n" * 900_000), ('name="files"; filename="a.png"', b"x")))
    assert answer.status_code == 200
    assert [Path(path).read_bytes() for path in answer.json()] == [b"x"]


@contextlib.contextmanager
def half_sent(page: Page, path: str, head: str, content: bytes) -> Iterator[socket.socket]:
    url = httpx.URL(page.url)
    with socket.create_connection((url.host, url.port or 80), timeout=20) as connection:
        connection.sendall(f"POST /{path} HTTP/1.1\r\nHost: {url.host}\r\n{head}\r\n\r\n".encode() + content)
        yield connection


def until(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


UPLOAD = f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: 500000"


def test_a_broken_upload_leaves_nothing(page: Page) -> None:
    start = body(('name="files"; filename="a.png"', b"x" * 100_000), end=False)
    with half_sent(page, "gradio_api/upload", UPLOAD, start):
        until(page.files)
    until(lambda: not page.files())


def test_a_slow_body_is_given_up_with_a_sentence(page: Page) -> None:
    start = body(('name="files"; filename="a.png"', b"x" * 1000), end=False)
    with contextlib.ExitStack() as all_at_once:
        connections = {
            path: all_at_once.enter_context(half_sent(page, path, head, content))
            for path, head, content in (
                ("gradio_api/upload", UPLOAD, start),
                ("gradio_api/call/styles", "Content-Type: application/json\r\nContent-Length: 500", b'{"data"'),
                ("login", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 500", b"username"),
            )
        }
        for path, connection in connections.items():
            assert b" 408 " in connection.recv(1000).split(b"\r\n")[0], path
    assert page.files() == set()


def test_a_body_that_drips_is_given_up(page: Page) -> None:
    start = body(('name="files"; filename="a.png"', b"x"), end=False)
    with half_sent(page, "gradio_api/upload", UPLOAD, start) as connection:
        connection.settimeout(0.3)
        answer = b""
        for _ in range(40):
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(1000)
                break
            connection.sendall(b"x")
    assert b" 408 " in answer.split(b"\r\n")[0]


def test_large_json_is_refused(page: Page) -> None:
    for path in ("call/styles", "queue/join", "cancel", "run/styles"):
        answer = httpx.post(f"{page.url}gradio_api/{path}", json={"data": ["x" * 300_000]})
        assert answer.status_code == 413, path
        assert answer.json()["detail"].endswith(".") if path != "cancel" else answer.text
    chunks = (b"x" * 100_000 for _ in range(100))  # no size is announced
    with contextlib.suppress(httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        assert httpx.post(f"{page.url}gradio_api/call/styles", content=chunks).status_code == 413
    assert httpx.post(f"{page.url}login", content=b"u" * 3000).status_code == 413
    deep = b"[" * 100_000 + b"]" * 100_000
    for content in (deep, b"{", b"\xff"):
        assert httpx.post(f"{page.url}gradio_api/call/styles", content=content).status_code == 400
    assert httpx.get(f"{page.url}config").status_code == 200


def test_a_visitor_has_so_much_room_and_gets_it_back(page: Page) -> None:
    contents = [os.urandom(900_000) for _ in range(5)]
    answers = [page.upload((f"{n}.png", content)) for n, content in enumerate(contents)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 413]
    assert "Delete my pictures" in answers[-1].text
    Path(answers[0].json()[0]).unlink()
    assert page.upload(("again.png", contents[4])).status_code == 200
    assert len(page.files()) == 4


def test_the_folder_has_so_much_room(page: Page) -> None:
    (page.folder / "x").mkdir(parents=True, exist_ok=True)
    (page.folder / "x" / "of-others").write_bytes(b"x" * 19_990_000)
    answer = page.upload(("a.png", b"x" * 100_000))
    assert answer.status_code == 507
    assert answer.text.strip().endswith(".")
    assert {path.name for path in page.files()} == {"of-others"}


def test_many_tiny_files_and_many_uploads_at_once_are_too_much(tmp_path: Path) -> None:
    limits = BodyLimits(visitor_bytes=1024**2, folder_bytes=2 * 1024**2, free_bytes=0, uploads=2)
    space = Space(limits, lambda: tmp_path)
    space.begin("ann", 10)
    space.begin("ann", 10)
    with pytest.raises(RefusedError, match="under way"):
        space.begin("ann", 10)
    space.begin("bob", 10)
    for visitor in ("ann", "ann", "bob"):
        space.end(visitor, 0, {})
    space.begin("ann", 0)
    with pytest.raises(RefusedError, match="Delete my pictures"):
        space.receive("ann", 1024**2 + 1)
    space.end("ann", 1024**2 + 1, {})
    tiny = [tmp_path / str(n) for n in range(4)]
    for path in tiny:
        path.write_bytes(b"")
    space.begin("ann", 0)
    space.end("ann", 0, dict.fromkeys(tiny, 0))
    with pytest.raises(RefusedError, match="Delete my pictures"):
        space.begin("ann", 1)
    space.begin("bob", 1)
    for n in range(8):
        (tmp_path / f"other{n}").write_bytes(b"")
    with pytest.raises(RefusedError, match="no room"):
        space.begin("", 1)


def test_everything_that_is_old_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gradio"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    names = ("a/old.png", "a/b/deep.png", "coming-old", "new/new.png", "own/example.webp")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
        if "new" not in name:
            os.utime(folder / name, (time.time() - 5000, time.time() - 5000))
    outside = tmp_path / "outside"
    outside.write_text("x")
    (folder / "link").symlink_to(outside)
    os.utime(folder / "link", (0, 0), follow_symlinks=False)
    for place in folder.rglob("*"):
        if place.is_dir():
            os.utime(place, (0, 0))
    uploads = Uploads(tmp_path / "none", lambda: {str(folder / "own" / "example.webp")})
    assert uploads.sweep() == 4
    assert {path for path in folder.rglob("*") if path.is_file()} == {folder / "new/new.png", folder / names[-1]}
    assert outside.is_file()
    assert not (folder / "a" / "b").exists()


def stylize(page: Page, target: Any) -> str:
    """The sentence that /stylize gives for this photo; "" where it draws. As a program sends it that is no Gradio."""
    call = {"target": target, "style": "Ink"}
    answer = httpx.post(f"{page.url}gradio_api/call/v2/stylize", json=call)
    assert answer.status_code == 200, answer.text
    stream = httpx.get(f"{page.url}gradio_api/call/stylize/{answer.json()['event_id']}", timeout=60).text
    kind, data = re.findall(r"event: (complete|error)\ndata: (.*)", stream)[-1]
    return "" if kind == "complete" else str(json.loads(data)["error"])


def test_pictures_arrive_in_every_natural_form(page: Page, tmp_path: Path) -> None:
    picture = face(tmp_path / "t.png", "pink", (80, 80))
    url = f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"
    path, meta = page.upload(("t.png", picture.read_bytes())).json()[0], {"meta": {"_type": "gradio.FileData"}}
    forms: list[Any] = [{"path": path, **meta}, path, url, {"url": url}, {"path": url, **meta}, {"path": url}]
    for given in [*forms, *([form] for form in forms)]:
        assert stylize(page, given) == "", str(given)[:60]
    kept = [path for path in page.files() if path.read_bytes() == picture.read_bytes()]
    assert {path.parent.parent for path in kept} == {page.folder}, "they lie where uploads lie, and go when they go"
    client = client_of(page.url)
    for one in (handle_file(picture), [handle_file(picture)]):
        assert client.predict(target=one, style="Ink", api_name="/stylize")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("http://127.0.0.1:9/a.png", "fetches no pictures"),
        ({"path": "http://127.0.0.1:9/a.png", "meta": {"_type": "gradio.FileData"}}, "fetches no pictures"),
        ({"path": "https://example.org/a.png"}, "fetches no pictures"),
        ({"path": "file:///etc/passwd", "meta": {"_type": "gradio.FileData"}}, "fetches no pictures"),
        ({"path": "//server/share/a.png", "meta": {"_type": "gradio.FileData"}}, "fetches no pictures"),
        ({"path": "/etc/passwd"}, "was not uploaded"),
        ("x" * 5000, "was not uploaded"),
        ("a\0b", "was not uploaded"),
        ("data:image/png;base64,???", "cannot be read"),
        ({"path": "data:image/png;base64,???", "meta": {"_type": "gradio.FileData"}}, "cannot be read"),
        ("data:text/html,<b>", "cannot be read"),
        (5, "uploaded file"),
        (True, "uploaded file"),
        ([], "Add the photo"),
        ([None], "Add the photo"),
    ],
)
def test_other_forms_get_a_sentence_that_fits(page: Page, given: Any, said: str) -> None:
    assert said in stylize(page, given)
    assert page.files() == set()


def test_two_pictures_for_one_are_not_guessed_from(page: Page, tmp_path: Path) -> None:
    path = page.upload(("t.png", face(tmp_path / "t.png", "pink", (80, 80)).read_bytes())).json()[0]
    assert "One picture" in stylize(page, [path, path])


def test_what_needs_no_change_stays_as_it_is() -> None:
    def keep(content: bytes, name: str) -> Path:
        raise AssertionError("there is nothing to keep")

    for value in (
        {
            "data": [
                1,
                None,
                True,
                "text",
                {"path": "/tmp/a.png", "meta": {"_type": "gradio.FileData"}, "url": "http://x"},
            ]
        },
        {"data": [{"path": "data:image/png;base64,AA==", "is_stream": True}]},
        {"data": [{"path": "C:\\a.png", "meta": {}}]},
    ):
        content = json.dumps(value).encode()
        assert screen(content, keep) is content
