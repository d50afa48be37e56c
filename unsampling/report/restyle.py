"""What a restyling did to a clip, by the frames of source and result alone; no model is called.

All is measured on frames averaged down to SIDE pixels, so a clip of any length and size is read once, a few
frames at a time. benchmarks/results/restyle_report.md compares each figure with the true one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import UnsamplingError
from . import calm, drift, places, scenes

SIDE = 64  # pixels of a small frame's shorter side
CHUNK = 8  # frames made small at a time
FEWEST = 3  # frames: with fewer nothing goes back and forth
LOCAL = 4  # the picture has so many patches each way, whose colours may flicker
HALF = 2  # the same for jumps
CHANNELS = (1, 3, 4)  # that frames may have; a fourth is alpha, and left out


@dataclass(frozen=True, eq=False)
class RestyleFigures:
    """Figures of a result beside its source.

    look_changed: from 0, the source's looks, to 1. structure, motion (frames,): how much of it is kept, 0 to
    1; nan where the source has none: frames that show nothing, scenes that stand still. flicker (frames,):
    deviation of local colours from where their neighbours in time lead, beyond what the source's explain, 1
    being black to white; the first and last frame have their neighbour's, those beside a cut have nan.
    fine: the same of single places of the small frames, where the source stands still; nan where it does
    nowhere. colours (frames, 3): by how much the mean colour goes beyond what the look makes of the source's.
    drift: how far that goes over the clip, cuts left out. steps (frames - 1,): by how much the whole frame's
    colour moves on, beyond what the source's moves explain, nan at a cut; borders (frames - 1,): which of
    them lie where two windows meet; cuts (frames - 1,): where the source cuts to another scene. sizes:
    (height, width) of the source's and the result's frames.
    """

    look_changed: float
    structure: Tensor
    motion: Tensor
    flicker: Tensor
    fine: float
    colours: Tensor
    drift: float
    steps: Tensor
    borders: Tensor
    cuts: Tensor
    sizes: tuple[tuple[int, int], tuple[int, int]]

    @property
    def structure_kept(self) -> float:
        """1 for a source that shows nothing."""
        return 1.0 if self.empty else float(self.structure.nanmean())

    @property
    def motion_kept(self) -> float:
        """1 for a source that stands still."""
        return 1.0 if self.still else float(self.motion.nanmean())

    @property
    def empty(self) -> bool:
        """Whether the source shows nothing in any frame."""
        return bool(self.structure.isnan().all())

    @property
    def still(self) -> bool:
        return bool(self.motion.isnan().all())

    @property
    def flickering(self) -> float:
        """0 where cuts leave no three frames of a scene."""
        told = known(self.flicker[1:-1])
        return float(told.square().mean().sqrt()) if len(told) else 0.0

    @property
    def ordinary(self) -> float:
        """The middle one of the steps inside windows."""
        inside = known(self.steps[~self.borders])
        told = inside if len(inside) else known(self.steps)
        return float(told.median()) if len(told) else 0.0

    @property
    def jumps(self) -> float:
        """How far the largest step between windows is beyond the ordinary; 0 for a clip of one window."""
        between = known(self.steps[self.borders])
        return max(0.0, float(between.max()) - self.ordinary) if len(between) else 0.0


def figures(source: Tensor, result: Tensor, window: int = 0, overlap: int = 0) -> RestyleFigures:
    """Measures a result beside its source, both (frames, height, width, channels) from 0 to 1.

    window, overlap: frames of a context window, 0 for none, and those that two of them share.
    Raises: UnsamplingError for clips that cannot be compared.
    """
    _check(source, result)
    size = _small_size(source, result)
    ours, theirs = (_small(clip, size, name) for clip, name in ((source, "source"), (result, "result")))
    cuts, seen = scenes.cuts(ours), places.shows(ours)
    scene, beside = scenes.numbers(cuts), cuts[1:] | cuts[:-1]
    colours, gone = drift.drift(ours, theirs, scene)
    return RestyleFigures(
        _look(ours, theirs, seen),
        places.structure_kept(ours, theirs, seen),
        places.motion_kept(ours, theirs, seen, scene),
        _flicker(ours, theirs, beside),
        calm.flicker(ours, theirs, beside),
        colours,
        _rms(gone),
        _steps(ours, theirs, cuts),
        _borders(len(source), window, overlap),
        cuts,
        (_height_width(source), _height_width(result)),
    )


def known(values: Tensor) -> Tensor:
    """Those that are no nan."""
    return values[~values.isnan()]


def _look(source: Tensor, result: Tensor, seen: Tensor) -> float:
    """Frames in which the source shows nothing have no look, unless all are so."""
    used = seen if seen.any() else ~seen
    return places.look_changed(source[used], result[used])


def _borders(frames: int, window: int, overlap: int) -> Tensor:
    """Which steps lie where one window ends and the next has begun, (frames - 1,)."""
    if 0 < window <= overlap:
        raise UnsamplingError(
            f"overlap ({overlap}) is not smaller than window ({window}); give the numbers of the Context"
            " Options"
        )
    at = torch.zeros(frames - 1, dtype=torch.bool)
    if 0 < window < frames:
        starts = [*range(0, frames - window, window - overlap), frames - window]
        for before, start in pairwise(starts):
            at[start - 1 : before + window] = True
    return at


def _flicker(source: Tensor, result: Tensor, beside: Tensor) -> Tensor:
    """Deviation of each frame's local colours, as white noise that gives the same second differences. beside
    (frames - 2,): which of these lie across a cut."""
    left = _unexplained(source, result, LOCAL, 2, beside).square().mean((1, 2)) / 6
    return torch.cat([left[:1], left, left[-1:]]).sqrt()


def _steps(source: Tensor, result: Tensor, cuts: Tensor) -> Tensor:
    return _unexplained(source, result, HALF, 1, cuts).mean(1).square().mean(1).sqrt()


def _unexplained(source: Tensor, result: Tensor, patches: int, order: int, cut: Tensor) -> Tensor:
    """How the mean colours of patches change in time, less the part that is linear in the source's own,
    (frames - order, patches * patches, 3), nan where a cut (frames - order,) lies between. order: of the
    difference in time."""
    ours, theirs = (
        functional.adaptive_avg_pool2d(clip, patches).double().diff(n=order, dim=0).flatten(2).transpose(1, 2)
        for clip in (source, result)
    )
    told, wanted = ours[~cut].flatten(0, 1), theirs[~cut].flatten(0, 1)
    gram = told.T @ told + 1e-9 * max(1, len(told)) * torch.eye(3, dtype=told.dtype)
    left = theirs - ours @ torch.linalg.solve(gram, told.T @ wanted)
    left[cut] = torch.nan
    return left


def _rms(values: Tensor) -> float:
    return float(values.square().mean().sqrt())


def _check(source: Tensor, result: Tensor) -> None:
    for clip, name in ((source, "source"), (result, "result")):
        if len(clip) < FEWEST:
            raise UnsamplingError(
                f"{name} has {_frames(len(clip))}, and flicker and motion need {FEWEST} or more; connect all"
                " frames of the clip"
            )
        if clip.shape[-1] not in CHANNELS:
            raise UnsamplingError(
                f"{name} has frames of {clip.shape[-1]} channels; it takes 1 (grey), 3 (RGB) or 4 (RGB and"
                " alpha): make RGB frames of it"
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
