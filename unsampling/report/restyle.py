"""What a restyling did to a clip, by the frames of source and result alone; no model is called.

All is measured on frames averaged down to SIDE pixels, so a clip of any length and size is read once, a few
frames at a time. benchmarks/results/restyle_report.md compares each figure with the true one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import UnsamplingError
from . import places

SIDE = 64  # pixels of a small frame's shorter side
CHUNK = 8  # frames made small at a time
FEWEST = 3  # frames: with fewer nothing goes back and forth
LOCAL = 4  # the picture has so many patches each way, whose colours may flicker
HALF = 2  # the same for jumps
ORDINARY = 2.0  # deviations beyond the middle step up to which a step is ordinary


@dataclass(frozen=True, eq=False)
class RestyleFigures:
    """Figures of a result beside its source.

    look_changed: from 0, the source's looks, to 1. structure, motion (frames,): how much of it is kept, 0 to
    1; motion is nan for a source that stands still. flicker (frames,): deviation of local colours from where
    their neighbours in time lead, beyond what the source's explain, 1 being black to white; the first and
    last frame have their neighbour's. colours (frames, 3): mean colour of the result less that of the source.
    drift: how far that goes over the clip. steps (frames - 1,): by how much the whole frame's colour moves
    on, beyond what the source's moves explain.
    sizes: (height, width) of the source's and the result's frames.
    """

    look_changed: float
    structure: Tensor
    motion: Tensor
    flicker: Tensor
    colours: Tensor
    drift: float
    steps: Tensor
    sizes: tuple[tuple[int, int], tuple[int, int]]

    @property
    def structure_kept(self) -> float:
        return float(self.structure.mean())

    @property
    def motion_kept(self) -> float:
        """1 for a source that stands still."""
        return 1.0 if self.still else float(self.motion.mean())

    @property
    def still(self) -> bool:
        return bool(self.motion.isnan().any())

    @property
    def flickering(self) -> float:
        return float(self.flicker[1:-1].square().mean().sqrt())

    @property
    def ordinary(self) -> float:
        """The largest step that stands out from nothing."""
        middle = self.steps.median()
        return float(middle + ORDINARY * (self.steps - middle).abs().median())

    @property
    def jumps(self) -> float:
        """How far the largest step is beyond the ordinary ones."""
        return max(0.0, float(self.steps.max()) - self.ordinary)


def figures(source: Tensor, result: Tensor) -> RestyleFigures:
    """Measures a result beside its source, both (frames, height, width, channels) from 0 to 1.

    Raises: UnsamplingError for clips that cannot be compared.
    """
    _check(source, result)
    size = _small_size(source, result)
    ours, theirs = (_small(clip, size, name) for clip, name in ((source, "source"), (result, "result")))
    colours = (theirs - ours).mean((2, 3)).double()
    return RestyleFigures(
        places.look_changed(ours, theirs),
        places.structure_kept(ours, theirs),
        places.motion_kept(ours, theirs),
        _flicker(ours, theirs),
        colours,
        _rms(slope(colours)),
        _steps(ours, theirs),
        (_height_width(source), _height_width(result)),
    )


def slope(colours: Tensor) -> Tensor:
    """How far (frames, channels) go over the whole clip, by the line of least squares, (channels,)."""
    place = torch.linspace(-0.5, 0.5, len(colours), dtype=colours.dtype)
    return place @ colours / place.square().sum()


def _flicker(source: Tensor, result: Tensor) -> Tensor:
    """Deviation of each frame's local colours, as white noise that gives the same second differences."""
    left = _unexplained(source, result, LOCAL, 2).square().mean((1, 2)) / 6
    return torch.cat([left[:1], left, left[-1:]]).sqrt()


def _steps(source: Tensor, result: Tensor) -> Tensor:
    return _unexplained(source, result, HALF, 1).mean(1).square().mean(1).sqrt()


def _unexplained(source: Tensor, result: Tensor, patches: int, order: int) -> Tensor:
    """How the mean colours of patches change in time, less the part that is linear in the source's own,
    (frames - order, patches * patches, 3). order: of the difference in time."""
    ours, theirs = (
        functional.adaptive_avg_pool2d(clip, patches).double().diff(n=order, dim=0).flatten(2).transpose(1, 2)
        for clip in (source, result)
    )
    known, wanted = ours.flatten(0, 1), theirs.flatten(0, 1)
    gram = known.T @ known + 1e-9 * len(known) * torch.eye(3, dtype=known.dtype)
    return theirs - ours @ torch.linalg.solve(gram, known.T @ wanted)


def _rms(values: Tensor) -> float:
    return float(values.square().mean().sqrt())


def _check(source: Tensor, result: Tensor) -> None:
    for clip, name in ((source, "source"), (result, "result")):
        if len(clip) < FEWEST:
            raise UnsamplingError(
                f"{name} has {_frames(len(clip))}, and flicker and motion need {FEWEST} or more; connect all"
                " frames of the clip"
            )
        if min(_height_width(clip)) < 2 * LOCAL:
            height, width = _height_width(clip)
            raise UnsamplingError(
                f"{name} has frames of {width} x {height} pixels; both sides must have {2 * LOCAL} or more"
            )
    if len(source) != len(result):
        raise UnsamplingError(
            f"source has {_frames(len(source))}, result {_frames(len(result))}; {_cause(source, result)}"
        )


def _cause(source: Tensor, result: Tensor) -> str:
    if len(result) > len(source):
        return (
            "connect the frames that were encoded, from the node with max_frames and every_nth, and cut the"
            " frames that repeat_last added with First Frames"
        )
    if len(source) - len(result) < 4:
        return (
            "a video VAE takes 1, 5, 9, ... frames and drops the rest: set repeat_last in Video Frames, or"
            " cut the source with First Frames"
        )
    return "connect the frames that were encoded, after max_frames and every_nth, not the whole video"


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _height_width(clip: Tensor) -> tuple[int, int]:
    return clip.shape[1], clip.shape[2]


def _small_size(*clips: Tensor) -> tuple[int, int]:
    """Height and width of the smaller of the clips, and at most SIDE pixels on the shorter side."""
    height, width = min((_height_width(clip) for clip in clips), key=min)
    scale = min(1.0, SIDE / min(height, width))
    return round(height * scale), round(width * scale)


def _small(clip: Tensor, size: tuple[int, int], name: str) -> Tensor:
    """(frames, 3, height, width) of that size by averaging, float32 from 0 to 1."""
    parts = [_averaged(part, size) for part in clip.split(CHUNK)]
    small = torch.cat(parts)
    bad = ~small.isfinite().flatten(1).all(1)
    if bad.any():
        raise UnsamplingError(
            f"{name} has values that are no numbers in frame {int(bad.nonzero()[0])}; run the VAE in"
            " --fp32-vae, or look for the node that made them"
        )
    return small.clamp(0, 1)


def _averaged(frames: Tensor, size: Sequence[int]) -> Tensor:
    colours = frames[..., :3].float().cpu().movedim(-1, 1)
    return functional.interpolate(colours.expand(-1, 3, -1, -1), tuple(size), mode="area")
