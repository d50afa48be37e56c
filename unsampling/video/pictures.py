"""Decoded frames as tensors: the colours of core's Get Video Components to the bit, alpha, HDR mapped to what
screens and models know, and the size that is wanted."""

from itertools import pairwise

import av
import numpy as np
import torch
from av.error import FFmpegError
from av.filter import Graph
from torch import Tensor
from torch.nn import functional

EIGHT_BITS = ("yuvj420p", "yuvj422p", "yuvj444p", "rgb24", "rgba", "pal8")  # whose colours need no more
ALIGNED = 32  # pixels
HDR = {16: "PQ", 18: "HLG"}  # transfer curves by their numbers in ITU-T H.273
# FFmpeg's scaler maps the light and the colours; PyAV's FFmpeg has it since PyAV 16, and has no zscale
TO_SDR = "out_transfer=bt709:out_primaries=bt709:intent=perceptual"


class Pictures:
    """Frames of one stream as [height,width,3] from 0 to 1, with alpha where the frame has it as [...,4],
    upright.

    said: sentences about colours that are not as the file has them.
    """

    def __init__(self, stream):
        self.said: list[str] = []
        self._time_base = stream.time_base
        self._hdr = HDR.get(stream.codec_context.color_trc or 0)
        self._aspect = float(stream.sample_aspect_ratio or 1)
        self._graph, self._graph_of = None, None

    def __call__(self, frame: av.VideoFrame) -> Tensor:
        alpha = has_alpha(frame.format)
        if frame.format.name in EIGHT_BITS and not self._hdr:
            pixels = frame.to_ndarray(format="rgba" if alpha else "rgb24").astype(np.float32) / 255
        else:
            ready = self._filtered(frame)
            pixels = ready.to_ndarray(format="gbrapf32le" if alpha else "gbrpf32le")
            pixels = pixels[: frame.height, : frame.width]
        return torch.from_numpy(np.rot90(pixels, _turns(frame)).copy())

    def shape(self, frame: av.VideoFrame) -> tuple[float, float]:
        """Height and width of the frame as it is shown: upright, its pixels square."""
        height, width = frame.height, frame.width * self._aspect
        return (width, height) if _turns(frame) % 2 else (height, width)

    def _filtered(self, frame: av.VideoFrame) -> av.VideoFrame:
        of = frame.width, frame.height, frame.format.name
        if self._graph_of != of:  # a joined file may go on in another size
            self._graph, self._graph_of = self._filters(frame), of
        if self._graph is None:
            return frame
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _filters(self, frame: av.VideoFrame) -> Graph | None:
        smearing = _smearing(frame)
        if self._hdr:
            try:
                graph = _graph(frame, self._time_base, [*smearing, *_mapping(frame)])
                self._say(f"its HDR ({self._hdr}) is mapped to the colours of an ordinary video")
                return graph
            except (FFmpegError, ValueError):  # an FFmpeg that cannot
                self._say(
                    f"its HDR ({self._hdr}) cannot be mapped to ordinary colours by this PyAV"
                    f" ({av.__version__}): the pictures are flat and grey; update PyAV to 16"
                )
        return _graph(frame, self._time_base, smearing) if smearing else None

    def _say(self, sentence: str) -> None:
        if sentence not in self.said:
            self.said.append(sentence)


def has_alpha(pixels: av.VideoFormat) -> bool:
    return pixels.name == "pal8" or any(part.is_alpha for part in pixels.components)


def scaled(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """[height,width,channels] at that size: sides that get smaller averaged, as core's Scale Image to Total
    Pixels does by area; those that get larger by a bicubic curve, without blocks."""
    smaller = min(picture.shape[0], size[0]), min(picture.shape[1], size[1])
    planes = functional.interpolate(picture.movedim(-1, 0)[None].float(), smaller, mode="area")
    if smaller != tuple(size):
        planes = functional.interpolate(planes, size, mode="bicubic").clamp(0, 1)
    return planes[0].movedim(0, -1)


def _turns(frame: av.VideoFrame) -> int:
    """Quarter turns by which the frame is stored askew."""
    return round(frame.rotation / 90)


def _smearing(frame: av.VideoFrame) -> list[tuple[str, str]]:
    """Smears the border out to a width that the conversion reads in whole pieces: of another it would take
    what lies behind it in memory."""
    if frame.width % ALIGNED == 0:
        return []
    across, down = (-side % ALIGNED for side in (frame.width, frame.height))
    return [
        ("pad", f"{frame.width + across}:{frame.height + down}:0:0"),
        ("fillborders", f"left=0:right={across}:top=0:bottom={down}:mode=smear"),
    ]


def _mapping(frame: av.VideoFrame) -> list[tuple[str, str]]:
    return [("scale", TO_SDR), ("format", "gbrapf32le" if has_alpha(frame.format) else "gbrpf32le")]


def _graph(frame: av.VideoFrame, time_base, filters: list[tuple[str, str]]) -> Graph:
    graph = Graph()
    given = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)
    chain = [given, *(graph.add(name, options) for name, options in filters), graph.add("buffersink")]
    for one, following in pairwise(chain):
        one.link_to(following)
    graph.configure()
    return graph
