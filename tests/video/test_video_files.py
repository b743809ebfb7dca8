"""Files of all kinds: what can be read is read, what cannot is refused in one sentence, and times and sound stay."""

import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from stylizer.errors import OutputError, VideoError
from stylizer.video.frames import VideoFrame
from stylizer.video.reader import open_video
from stylizer.video.writer import VideoWriter
from tests.video.clips import FRAMES, cut_off, flat, level, make_clip, make_sound, spoil_middle

Maker = Callable[[Path], Path]


def copied(source: Path, out: Path) -> tuple[list[VideoFrame], list[str]]:
    """A video through reader and writer: the frames that were read, and the notes."""
    frames = []
    with open_video(source) as reader, VideoWriter(out, reader.info, sound=source) as writer:
        for frame in reader.frames():
            frames.append(frame)
            writer.write(frame)
    return frames, [*reader.notes, *writer.notes]


def read(path: Path) -> list[VideoFrame]:
    with open_video(path) as reader:
        return list(reader.frames())


def grey(frame: VideoFrame) -> float:
    """Of the frame's right lower quarter."""
    height, width = frame.pixels.shape[:2]
    return float(frame.pixels[height // 2 :, width // 2 :].mean())


def gif(path: Path, **options: object) -> Path:
    pictures = [Image.fromarray(flat(i, (64, 48))) for i in range(FRAMES)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40, **options)
    return path


def see_through_gif(path: Path) -> Path:
    pictures = [Image.new("RGBA", (64, 48), (level(i), level(i), level(i), 255)) for i in range(FRAMES)]
    for picture in pictures:
        picture.paste((0, 0, 0, 0), (0, 0, 20, 20))
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40, disposal=2)
    return path


def with_text(text: bytes) -> Maker:
    def make(path: Path) -> Path:
        path.write_bytes(text)
        return path

    return make


def playlist(path: Path) -> Path:
    make_clip(path.with_name("secret.ts"), muxer={})
    path.write_text(f"#EXTM3U\n#EXTINF:1,\n{path.with_name('secret.ts')}\n#EXT-X-ENDLIST\n")
    return path


def picture(path: Path) -> Path:
    Image.fromarray(flat(0, (64, 48))).save(path, "PNG")
    return path


WORKS: dict[str, tuple[str, Maker]] = {
    "plain": ("a.mp4", make_clip),
    "odd sides": ("a.mkv", lambda p: make_clip(p, size_wh=(63, 47), codec="ffv1", pix_fmt="yuv444p")),
    "wide pixels": ("a.mp4", lambda p: make_clip(p, aspect=Fraction(2, 1))),
    "turned": ("a.mp4", lambda p: make_clip(p, turned=90)),
    "alpha": ("a.mov", lambda p: make_clip(p, codec="qtrle", pix_fmt="argb")),
    "10-bit": ("a.mkv", lambda p: make_clip(p, codec="ffv1", pix_fmt="yuv420p10le")),
    "grey": ("a.mkv", lambda p: make_clip(p, codec="ffv1", pix_fmt="gray")),
    "Motion JPEG": (
        "a.avi",
        lambda p: make_clip(p, codec="mjpeg", pix_fmt="yuvj420p", base=Fraction(1, 25), times=range(8)),
    ),
    "MPEG-4 in AVI": ("a.avi", lambda p: make_clip(p, codec="mpeg4", base=Fraction(1, 25), times=range(8))),
    "transport stream": ("a.ts", make_clip),
    "VP9": ("a.webm", lambda p: make_clip(p, codec="libvpx-vp9")),
    "irregular times": ("a.mp4", lambda p: make_clip(p, times=[0, 40, 45, 300, 340, 1000, 1001, 1500])),
    "late start": ("a.mkv", lambda p: make_clip(p, times=[5000 + 40 * i for i in range(FRAMES)])),
    "AAC": ("a.mp4", lambda p: make_clip(p, sound="aac")),
    "Opus": ("a.mkv", lambda p: make_clip(p, sound="libopus")),
    "PCM": ("a.mov", lambda p: make_clip(p, sound="pcm_s16le")),
    "one frame": ("a.mp4", lambda p: make_clip(p, frames=1)),
    "another's name": ("a.avi", lambda p: make_clip(p.with_suffix(".mp4")).rename(p)),
    "a name of signs": ("a %03d: [x];?&'é.mp4", make_clip),
    "GIF": ("a.gif", gif),
    "see-through GIF": ("a.gif", see_through_gif),
    "WebP": ("a.webp", lambda p: gif(p, lossless=True)),
}

REFUSED: dict[str, tuple[str, Maker, str]] = {
    "missing": ("a.mp4", lambda p: p, "cannot be opened"),
    "empty": ("a.mp4", with_text(b""), "is empty"),
    "a folder": ("a.mp4", lambda p: (p.mkdir(), p)[1], "cannot be opened"),
    "text": ("a.mp4", with_text(b"not a video, whatever its name says\n" * 9), "no video that can be read"),
    "a picture": ("a.mp4", picture, "no video that can be read"),
    "sound only": ("a.m4a", make_sound, "sound but no picture"),
    "without its index": ("a.mp4", lambda p: cut_off(make_clip(p), 0.3), "no video that can be read"),
    "a playlist": ("a.m3u8", playlist, "no video that can be read"),
    "a playlist named so": ("a.mp4", playlist, "no video that can be read"),
    "a list of files": ("a.mp4", with_text(b"ffconcat version 1.0\nfile secret.ts\n"), "no video that can be read"),
    "tiny": ("a.mkv", lambda p: make_clip(p, size_wh=(8, 8), codec="ffv1"), "8 x 8 px"),
    "a broken GIF": ("a.gif", with_text(b"GIF89a\x40\x00\x30\x00\xf7\x00\x00"), "a.gif"),
    "a broken WebP": ("a.webp", with_text(b"RIFF\x10\x00\x00\x00WEBPVP8X" + b"\0" * 9), "a.webp"),
}


@pytest.mark.parametrize("kind", WORKS)
def test_files_of_all_kinds_are_read_and_written_with_their_times(kind: str, tmp_path: Path) -> None:
    name, make = WORKS[kind]
    source, out = make(tmp_path / name), tmp_path / "out.mp4"
    frames, notes = copied(source, out)
    assert len(frames) == (1 if kind == "one frame" else FRAMES) and notes == []
    written = read(out)
    with open_video(source) as before, open_video(out) as after:
        starts = [[f.pts * r.info.time_base for f in fs] for r, fs in ((before, frames), (after, written))]
        assert after.info.has_sound == before.info.has_sound
    for one, other in zip(*starts, strict=True):
        assert abs(one - other) < Fraction(1, 2000)
    for index, frame in enumerate(written):
        if kind != "alpha":
            assert abs(grey(frame) - level(index)) < 6, index
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert all(side % 2 == 0 for side in (stream.width, stream.height))
    content = out.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "a browser would have to load all of it first"


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_video_is_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    name, make, part = REFUSED[kind]
    source = make(tmp_path / name)
    with pytest.raises(VideoError) as caught:
        copied(source, tmp_path / "out.mp4")
    assert part in str(caught.value) and str(caught.value).endswith(".")
    assert not (tmp_path / "out.mp4").exists() and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("a.mkv", lambda path: cut_off(path, 0.6)),
        ("a.ts", lambda path: cut_off(path, 0.6)),
        ("a.mp4", lambda path: cut_off(path, 0.7)),
        ("a.mkv", spoil_middle),
        ("a.gif", lambda path: cut_off(path, 0.5)),
    ],
)
def test_of_a_damaged_file_what_can_be_read_is_delivered(name: str, spoil: Maker, tmp_path: Path) -> None:
    source = tmp_path / name
    if name.endswith("gif"):
        gif(source)
    else:
        intra = {"codec": "mjpeg", "pix_fmt": "yuvj420p"} if name != "a.ts" else {"codec": "mpeg2video"}
        times = None if name != "a.ts" else range(60)
        base = Fraction(1, 1000) if name != "a.ts" else Fraction(1, 25)
        muxer = {"movflags": "+faststart"} if name == "a.mp4" else {}
        make_clip(source, frames=60, size_wh=(128, 96), times=times, base=base, muxer=muxer, **intra)
    frames, notes = copied(spoil(source), tmp_path / "out.mp4")
    total = FRAMES if name.endswith("gif") else 60
    assert 0 < len(frames) <= total
    if spoil is not spoil_middle:
        assert len(frames) < total
    assert name == "a.ts" or notes, "the user must be told"  # a stream of packets does not say how long it should be
    assert len(read(tmp_path / "out.mp4")) == len(frames)


def test_the_frames_are_upright_with_square_pixels_and_no_larger_than_asked(tmp_path: Path) -> None:
    turned = make_clip(tmp_path / "turned.mp4", turned=90)
    with open_video(turned) as reader:
        frame = next(reader.frames())
        assert reader.info.size_wh == (48, 64) and frame.pixels.shape == (64, 48, 3)
    white = (
        frame.pixels.min(2) > 200
    )  # the corner that was at the top left is now at the bottom left: turned to the left
    assert white[40:, :16].mean() > 0.8 and white[:20].mean() < 0.1
    with open_video(make_clip(tmp_path / "wide.mp4", aspect=Fraction(2, 1))) as reader:
        assert reader.info.size_wh == (128, 48)
    with open_video(turned, 32) as reader:
        assert next(reader.frames()).pixels.shape == (32, 24, 3)


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    frames = read(see_through_gif(tmp_path / "a.gif"))
    assert all((frame.pixels[:16, :16] == 255).all() for frame in frames)


def test_sound_that_mp4_holds_is_copied_bit_for_bit_and_other_sound_is_encoded(tmp_path: Path) -> None:
    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.dts is not None]

    source = make_clip(tmp_path / "a.mp4", sound="aac")
    copied(source, tmp_path / "out.mp4")
    assert packets(tmp_path / "out.mp4") == packets(source) != []
    copied(make_clip(tmp_path / "a.mov", sound="pcm_s16le"), tmp_path / "pcm.mp4")
    with av.open(str(tmp_path / "pcm.mp4")) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "aac"
        assert abs(float(stream.duration * stream.time_base) - FRAMES / 25) < 0.06


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animations_are_written_with_their_times(suffix: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", times=[0, 40, 80, 200, 240, 400, 440, 500])
    out = tmp_path / f"out{suffix}"
    copied(source, out)
    with open_video(out) as reader:
        frames = list(reader.frames())
        starts = [round(1000 * float(frame.pts * reader.info.time_base)) for frame in frames]
    assert starts == [0, 40, 80, 200, 240, 400, 440, 500]
    for index, frame in enumerate(frames):
        assert abs(grey(frame) - level(index)) < 8


def test_colours_come_back(tmp_path: Path) -> None:
    colours = [(200, 50, 30), (20, 160, 60), (40, 40, 200), (230, 220, 40)]
    source = make_clip(tmp_path / "a.mp4", frames=4)
    with open_video(source) as reader, VideoWriter(tmp_path / "out.mp4", reader.info) as writer:
        for frame, colour in zip(reader.frames(), colours, strict=True):
            pixels = np.broadcast_to(np.array(colour, np.uint8), frame.pixels.shape)
            writer.write(VideoFrame(pixels, frame.pts))
    for frame, colour in zip(read(tmp_path / "out.mp4"), colours, strict=True):
        assert np.abs(frame.pixels.mean((0, 1)) - colour).max() < 4


def test_what_ends_badly_leaves_nothing_or_a_part_that_plays(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", sound="aac")

    def stopped(out: Path, keep_part: bool) -> None:
        with (
            open_video(source) as reader,
            pytest.raises(KeyboardInterrupt),
            VideoWriter(out, reader.info, sound=source, keep_part=keep_part) as writer,
        ):
            for frame in reader.frames():
                writer.write(frame)
                if writer.written == 5:
                    raise KeyboardInterrupt

    stopped(tmp_path / "none.mp4", keep_part=False)
    stopped(tmp_path / "part.mp4", keep_part=True)
    assert not (tmp_path / "none.mp4").exists() and not list(tmp_path.glob(".*.part"))
    assert len(read(tmp_path / "part.mp4")) == 5


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    source, out = make_clip(tmp_path / "a.mp4"), tmp_path / "out.mp4"
    out.write_bytes(b"the old one")
    program = (
        "import sys, time; from stylizer.video.reader import open_video\n"
        "from stylizer.video.writer import VideoWriter\n"
        "with open_video(sys.argv[1]) as r, VideoWriter(sys.argv[2], r.info) as w:\n"
        "    for f in r.frames(): w.write(f)\n"
        "    print('written', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(source), str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None and process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
    assert out.read_bytes() == b"the old one"


def test_an_output_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with open_video(make_clip(tmp_path / "a.mp4")) as reader:
        for path, part in ((tmp_path / "out.wmv", ".mp4"), (tmp_path / "nowhere" / "out.mp4", "cannot be written")):
            with pytest.raises(OutputError, match=part):
                VideoWriter(path, reader.info)


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", frames=300, times=range(0, 12000, 40))
    with open_video(source) as reader, VideoWriter(tmp_path / "out.mp4", reader.info, sound=source) as writer:
        tracemalloc.start()
        try:
            for frame in reader.frames():
                writer.write(frame)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert writer.written == 300
    assert peak < 20 * 64 * 48 * 3, "of 300 frames, a few at most were there at the same time"
