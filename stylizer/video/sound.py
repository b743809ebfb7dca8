"""The sound of one video file, brought into another: copied where MP4 takes it as it is, else encoded as AAC."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from stylizer.video.container import open_container, origin_of

_COPIED = {"aac", "mp3", "opus", "ac3", "eac3", "flac", "alac"}  # that MP4 holds
_AAC_RATES = (48000, 44100, 32000, 24000, 22050, 16000, 11025, 8000)
_LOST = "The sound could not be read to its end; what could be read was used."


class SoundWriter:
    """Writes a file's sound beside the frames of another, as far as these have come.

    The source is opened once more: so the frames' reader may be far behind or ahead, and nothing piles up in memory.

    Args:
        source: a video with sound.
        output: PyAV's container, to which a stream is added here; nothing was written to it yet.
    """

    def __init__(self, source: Path, output: Any) -> None:
        self.notes: list[str] = []
        self._output = output
        self._source = open_container(source)
        self._stream = self._source.streams.audio[0]
        codec = self._stream.codec_context
        self._resampler: Any = None
        if codec is not None and codec.name in _COPIED:
            self._target = output.add_stream_from_template(self._stream)
        elif codec is None or not codec.sample_rate:
            self._source.close()
            raise ValueError("sound of an unknown kind")
        else:
            rate = next((rate for rate in _AAC_RATES if rate <= codec.sample_rate), _AAC_RATES[-1])
            layout = "mono" if codec.channels == 1 else "stereo"
            self._target = output.add_stream("aac", rate=rate, layout=layout)
            self._resampler = av.AudioResampler("fltp", layout, rate)
        self._pieces, self._held = self._read(), None

    def write_until(self, seconds: Fraction | None) -> None:
        """Write what is heard up to this time; None: to the end."""
        while True:
            if self._held is None:
                self._held = next(self._pieces, None)
            if self._held is None or (seconds is not None and self._time(self._held) > seconds):
                break
            packets = [self._held] if self._resampler is None else self._encoded(self._held)
            self._mux(packets)
            self._held = None

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if self._resampler is not None:
            self._mux([packet for frame in self._resampler.resample(None) for packet in self._target.encode(frame)])
            self._mux(self._target.encode(None))

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _read(self) -> Iterator[Any]:
        """Packets to be copied, or decoded pieces; their times begin with the file's."""
        base = Fraction(self._stream.time_base)
        shift = round(origin_of(self._source) / base)
        try:
            for packet in self._source.demux(self._stream):
                if self._resampler is not None:
                    yield from _decoded(packet)
                elif packet.dts is not None:
                    packet.pts, packet.dts = (packet.pts or packet.dts) - shift, packet.dts - shift
                    packet.stream = self._target
                    yield packet
        except EOFError:
            return
        except av.FFmpegError:
            self.notes.append(_LOST)

    def _encoded(self, frame: Any) -> list[Any]:
        frame.pts = None if frame.pts is None else frame.pts - round(origin_of(self._source) / frame.time_base)
        return [packet for part in self._resampler.resample(frame) for packet in self._target.encode(part)]

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            self._output.mux(packet)

    def _time(self, piece: Any) -> Fraction:
        when = piece.pts if self._resampler is not None else piece.dts
        return Fraction(0) if when is None else Fraction(when) * Fraction(piece.time_base)


def _decoded(packet: Any) -> list[Any]:
    try:
        return list(packet.decode())
    except EOFError:
        raise
    except av.FFmpegError:  # a damaged piece
        return []
