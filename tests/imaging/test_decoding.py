"""Pictures opened in worker processes: the same pixels, and what overruns a limit is ended and hurts no other."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylizer.errors import PictureError
from stylizer.imaging.decoding import DecodeLimits, Decoder, open_picture_safely
from stylizer.imaging.opening import open_picture
from tests.sample_pictures import encoded, smooth


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder(workers=1)
    yield decoder
    decoder.close()


def process_of(decoder: Decoder) -> "subprocess.Popen[bytes]":
    process = decoder._workers[0]._process
    assert process is not None
    return process


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF"])
def test_the_same_pixels_as_in_this_process(decoder: Decoder, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a picture"
    path.write_bytes(encoded(smooth(), kind))
    expected = open_picture(path).tobytes()
    assert decoder.open(path).tobytes() == decoder.open(str(path)).tobytes() == expected
    assert decoder.open(path.read_bytes()).tobytes() == expected


def test_the_same_sentences(decoder: Decoder, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("words")
    Image.new("RGB", (9, 9)).save(tmp_path / "tiny.png")
    for name in ("notes.png", "tiny.png", "nobody.png"):
        with pytest.raises(PictureError) as expected:
            open_picture(tmp_path / name)
        with pytest.raises(PictureError) as caught:
            decoder.open(tmp_path / name)
        assert str(caught.value) == str(expected.value)


def test_a_path_is_the_callers(decoder: Decoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder.open(encoded(smooth(), "PNG"))  # it runs, in another folder
    smooth().save(tmp_path / "here.png")
    monkeypatch.chdir(tmp_path)
    assert decoder.open("here.png").size == smooth().size


def test_pixels_are_limited_by_the_header(decoder: Decoder) -> None:
    data = encoded(smooth(), "PNG")
    with pytest.raises(PictureError, match=r"0\.01 megapixels"):
        decoder.open(data, DecodeLimits(pixels=10_000))
    assert decoder.open(data).size == smooth().size


def test_what_takes_too_long_is_killed_and_the_next_picture_works(decoder: Decoder) -> None:
    decoder.open(encoded(smooth(), "PNG"))
    process = process_of(decoder)
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1500, 3), np.uint8)
    slow = encoded(Image.fromarray(noise), "PNG", compress_level=1)
    with pytest.raises(PictureError, match="takes too long"):
        decoder.open(slow, DecodeLimits(seconds=0.001))
    assert process.poll() is not None
    assert decoder.open(slow).tobytes() == noise.tobytes()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_what_takes_too_much_memory_is_refused(kind: str) -> None:
    decoder = Decoder(1, DecodeLimits(memory=60_000_000))
    try:
        with pytest.raises(PictureError, match=r"does not fit into memory|cannot be decoded|damaged") as caught:
            decoder.open(encoded(Image.new("RGB", (6000, 6000)), kind))  # 144 MB
        assert str(caught.value).endswith(".")
        assert decoder.open(encoded(smooth(), "PNG")).tobytes() == smooth().tobytes()
    finally:
        decoder.close()


def test_a_crash_of_a_worker_is_one_pictures_trouble(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(smooth(), "PNG")
    decoder.open(data)
    dying = process_of(decoder)
    receive = threading.Event()

    def crash(*_: object) -> bool:
        dying.kill()
        dying.wait()
        receive.set()
        return True

    monkeypatch.setattr(json, "dumps", lambda *_: "{}" if crash() else "")  # while a request is being written
    with pytest.raises(PictureError, match="cannot be decoded"):
        decoder.open(data)
    monkeypatch.undo()
    assert receive.is_set() and decoder.open(data).tobytes() == smooth().tobytes()


def test_many_callers_share_few_workers() -> None:
    decoder, sizes = Decoder(workers=2), [(64 + i, 80) for i in range(12)]
    found: dict[tuple[int, int], tuple[int, int]] = {}

    def open_one(size: tuple[int, int]) -> None:
        found[size] = decoder.open(encoded(smooth(*size), "PNG")).size

    threads = [threading.Thread(target=open_one, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    decoder.close()
    assert found == {size: size for size in sizes}


def test_the_shared_workers_end_with_the_program() -> None:
    program = (
        "import sys; from stylizer.imaging import decoding; "
        "decoding.open_picture_safely(sys.stdin.buffer.read()); "
        "print([w._process.pid for w in decoding._shared._workers if w._process])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    data = encoded(smooth(), "PNG")
    done = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, env=environment, check=True)
    (pid,) = json.loads(done.stdout)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_forked_child_opens_by_itself(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(smooth(), "PNG")
    decoder.open(data)
    worker = process_of(decoder)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    worker_free = decoder._free.get()  # none is free: it would wait for ever
    try:
        assert decoder.open(data).tobytes() == smooth().tobytes()
    finally:
        decoder._free.put(worker_free)
    assert worker.poll() is None


def test_what_is_decoded_already_needs_no_worker() -> None:
    decoder = Decoder(workers=0)  # it would wait for ever
    for source in (smooth(), np.asarray(smooth()), io.BytesIO(encoded(smooth(), "PNG"))):
        assert decoder.open(source).tobytes() == smooth().tobytes()


def test_the_shared_workers() -> None:
    assert open_picture_safely(encoded(smooth(), "PNG")).tobytes() == smooth().tobytes()
