"""Context windows that cut a clip, whoever makes them, and those that a pass cannot work with.

host/packs reads them from a MODEL. Schedules and ways to fuse have the names that users choose in the nodes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..unsampling import UnsamplingError

LOOPED = "looped_uniform"
VIEWS_ONLY = "view_as_context"  # one window over the whole clip, for the views in it to do all the work
MOVING = ("standard_uniform", LOOPED)  # their windows lie elsewhere at another step
EVEN = ("delayed reverse sawtooth", "pyramid-sigma", "pyramid-sigma inverse")  # ways to fuse
CHOPPED = ("batched", "svd_extension")  # side by side, the last one as short as it comes


@dataclass(frozen=True)
class Windows:
    """Windows of one setting over this many frames.

    kind: "ade" (AnimateDiff-Evolved's), "views" (inside such a window) or "core".
    schedule, fuse: the names of how they lie and how they are joined. length: None where it is the clip's.
    settings: all that the two passes must share, in words.
    place: the windows of a step, as their own pack places them.
    cuts: whether they cut the frames at any step; a context keyframe that leaves the clip whole has its turn.
    keyframe: their place among context keyframes, which take turns.
    of_video: whether a latent frame holds several of the clip, by which the nodes for video models count.
    """

    kind: str
    schedule: str
    fuse: str
    length: int | None
    stride: int | None
    overlap: int | None
    frames: int
    settings: str
    place: Callable[[int], list[list[int]]] = field(compare=False)
    cuts: bool = True
    keyframe: int = 0
    of_video: bool = False

    @property
    def name(self) -> str:
        """As the user knows them."""
        return "views" if self.kind == "views" else "context windows"

    @property
    def together(self) -> int:
        """How many frames the model sees at once."""
        return self.frames if self.length is None or not self.cuts else self.length

    @property
    def unit(self) -> str:
        """What length and overlap count."""
        return "latent frames" if self.of_video else "frames"

    @property
    def widget(self) -> str:
        """How the names of their widgets begin."""
        return "view" if self.kind == "views" else "context"


def described(name: str, values: dict[str, Any]) -> str:
    """Settings as text to compare, without those that are not set."""
    named = {key.removeprefix("context_"): value for key, value in values.items()}
    set_ones = [f"{key} {value}" for key, value in named.items() if value not in (None, [])]
    return f"{name}: {', '.join(set_ones)}"


def check(windows: Windows, steps: Sequence[int]) -> None:
    """Refuses windows that the hosts answer with an error, a wrong one, or frames that no window has.

    steps: those at which a model call may meet them.
    Raises: UnsamplingError naming what to set.
    """
    if windows.cuts:
        _check_overlap(windows)
        _check_fuse(windows)
        _check_stride(windows, steps)


def refuse_moving(layout: Sequence[Windows]) -> None:
    """For core's samplers: while sigma rises their steps count up, and windows are placed by them.

    Raises: UnsamplingError if such windows cut the clip.
    """
    for windows in layout:
        if windows.cuts and windows.schedule in MOVING:
            raise UnsamplingError(
                f"model has {windows.name} that move from step to step"
                f" ({windows.schedule}), which a core sampler meets in another order on"
                " its way up; use Standard Static, or disconnect sampler"
            )


def check_norms(windows: Windows) -> None:
    """The norms of some motion models take as many frames together as a window has, whatever it holds: of a
    shorter one they divide by zero, or mix it with the negative's."""
    if windows.kind != "ade" or windows.schedule == VIEWS_ONLY or windows.length is None:
        return
    length, frames = windows.length, windows.frames
    if length > frames:
        raise UnsamplingError(
            f"model has a context keyframe of {length} frames, which this motion model"
            f" cannot work with in a clip of {frames}; set its context_length to {frames}"
        )
    if windows.schedule in CHOPPED and frames % length:
        raise UnsamplingError(
            f"model has context windows side by side ({windows.schedule}) of {length}"
            f" frames, of which {frames} frames leave {frames % length} over, too few for"
            " this motion model; use Standard Static, or a context_length that divides"
            f" {frames}"
        )


def _check_overlap(windows: Windows) -> None:
    """The hosts' own answers are a range() without a step, or windows that leave every frame out."""
    length, overlap = windows.length, windows.overlap
    if windows.schedule in CHOPPED or overlap is None or length is None or overlap < length:
        return
    cure = f"set {windows.widget}_overlap below {length}"
    if windows.of_video:
        cure = (
            f"set context_overlap to less than {length} latent frames (Wan's and LTXV's nodes count"
            " the clip's frames)"
        )
    raise UnsamplingError(
        f"model has {windows.name} of {length} {windows.unit} that overlap by {overlap}; {cure}"
    )


def _check_fuse(windows: Windows) -> None:
    """Some of AnimateDiff-Evolved's methods have weights for an even number of frames only, and
    overlap-linear writes a ramp as long as the overlap into every window that has a neighbour."""
    length, overlap = windows.length, windows.overlap
    if length is None:
        return
    if length % 2 and windows.fuse.lstrip("\N{MICROSCOPE}") in EVEN:
        raise UnsamplingError(
            f"model has {windows.name} of {length} frames whose fuse_method"
            f" {windows.fuse} works with an even number of them only; choose"
            f" another fuse_method, or an even {windows.widget}_length"
        )
    if windows.fuse != "overlap-linear" or windows.frames == length:
        return
    longest = (windows.frames % length or length) if windows.schedule in CHOPPED else length - 1
    if overlap is not None and 0 < overlap <= longest:
        return
    cure = f", or an overlap from 1 to {longest}" if longest and not windows.of_video else ""
    raise UnsamplingError(
        f"model has {windows.name} of {length} {windows.unit} whose fuse_method"
        f" overlap-linear has no room for its ramp (overlap {overlap}); choose another"
        f" fuse_method{cure}"
    )


def _check_stride(windows: Windows, steps: Sequence[int]) -> None:
    """Standard Uniform windows of stride 2 and more are shifted to the clip's end as if of stride 1: some end
    behind it, or leave a frame to no window, which becomes NaN."""
    if windows.schedule != "standard_uniform" or windows.stride is None or windows.stride < 2:
        return
    for step in steps:
        covered = {frame for window in windows.place(step) for frame in window}
        if covered != set(range(windows.frames)):
            raise UnsamplingError(
                f"model has {windows.name} of stride {windows.stride}"
                f" that do not fit {windows.frames} {windows.unit} at step {step + 1};"
                f" set {windows.widget}_stride to 1"
            )
