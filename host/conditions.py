"""Conditions over a clip: a slice of noise takes the prompts of its own frames, and what ControlNets and
IP-Adapters have for them; and what there is to say of prompts that do not fit."""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add

from torch import Tensor

from ..unsampling import UnsamplingError
from . import experts, places, record
from . import settings as widgets
from .cuts import Cut
from .packs import advanced_controlnet_frames, animatediff_frames, core, core_conditions, ipadapter
from .told import Told


def of_slice(guider, fit: record.Fit, carried: record.LatentRecord | None):
    """The guider for the noise in hand: of what its conditions, and IP-Adapters on its MODEL, have for each
    frame of the whole noise those of these frames, as a copy; itself where all frames are in hand, or it is
    not known which.

    Raises: UnsamplingError where equal frames have other prompts, and it is not known which frames these are.
    """
    if carried is None or fit.frames is None:
        return guider
    whole = carried.shape[0]
    recorded = places.in_whole(fit.cut, range(len(carried.digests)))
    own = places.in_whole(fit.cut, fit.frames)
    if whole == 1 or own == list(range(whole)):
        return guider

    def take(values: Tensor) -> Tensor:
        if fit.placed.differ(values[recorded]):
            raise UnsamplingError(
                "what is set for each frame (prompts, ControlNets, IP-Adapters) differs in frames of the clip"
                " that are equal, and"
                f" {widgets.unknown(fit)}; cut the noise with Latent From Batch, straight behind the"
                " Exact Unsampler"
            )
        return values[own]

    cut = Cut(whole, len(own), take)
    return experts.with_each(
        guider, lambda one: ipadapter.cut(core_conditions.with_conditions(one, cut), cut)
    )


def remark(guider, samples: Tensor, windows: str, sigmas: Tensor, part: bool = False) -> Told:
    """That there are more or fewer prompts than frames, where it matters, that none acts at some sigmas, and
    by which frames ControlNets count.

    windows: in words, "" for a clip that stays whole. sigmas: those at which the pass asks, falling. part:
    whether the frames are a part of a noise, and it is known which.
    """
    told = [*_of_counts(guider, samples, windows), *_of_ranges(guider, sigmas)]
    return reduce(add, told + (_of_part(guider) if part else []), Told())


def _of_counts(guider, samples: Tensor, windows: str) -> list[Told]:
    told = []
    for _, name, conds in _asked(guider):
        for count in sorted({core_conditions.prompts(cond) for cond in conds} - {1, len(samples)}):
            told += [
                Told(f"; {name} has {count} prompts{how}", "prompts and frames are not equally many")
                for how in _how_taken(count, samples, windows)
            ]
    return told


def _how_taken(count: int, samples: Tensor, windows: str) -> list[str]:
    if samples.ndim == 5:
        return [", of which a model that makes all frames together takes the first alone"]
    frames = f" for {len(samples)} frames"
    if windows:
        return [
            f"{frames}, so that every context window begins with the first of them; make it {len(samples)}"
            " (max_frames of Batch Prompt Schedule, max_length of Prompt Scheduling)"
        ]
    return [f"{frames}, and begins anew after the last"] if count < len(samples) else []


def _of_part(guider) -> list[Told]:
    """Of a part of a noise, by which frames count its ControlNets and what AnimateDiff has for each frame."""
    every = [core.conditions(one) for one in experts.each(guider)]
    told = []
    if any(map(advanced_controlnet_frames.has_keyframes, every)):
        told.append(Told("; latent keyframes count the frames of the whole noise, of which these are a part"))
    if any(map(advanced_controlnet_frames.has_sparse, every)):
        told.append(
            Told(
                "; SparseCtrl places its pictures as if these frames were the whole clip: give it the"
                " pictures and places of these alone",
                "SparseCtrl takes these frames for the clip",
            )
        )
    if any(animatediff_frames.has_frames(one.model_patcher) for one in experts.each(guider)):
        told.append(
            Told(
                "; AnimateDiff's settings for each frame (scale, effect, cfg, camera, pictures) count from"
                " the first of these frames, as if they were the whole clip: give it those of these alone",
                "AnimateDiff takes these frames for the clip",
            )
        )
    return told


def _of_ranges(guider, sigmas: Tensor) -> list[Told]:
    """The same for sigmas that no range of a condition covers: ComfyUI takes 0 for the model's answer."""
    told, every = [], experts.each(guider)
    for number, name, conds in _asked(guider):
        sampling = every[number].model_patcher.get_model_object("model_sampling")
        asked = [x for x in sigmas.tolist() if x > 0 and experts.answers(guider, number, x)]
        without = [x for x in asked if not any(core_conditions.acts(c, sampling, x) for c in conds)]
        told += [_gap(name, without)] if conds and without else []
    return told


def _asked(guider) -> Iterator[tuple[int, str, list[dict]]]:
    """The number of each expert, and what its conditions are called and hold; without a negative at cfg 1,
    which nothing is asked for."""
    every = experts.each(guider)
    for number, one in enumerate(every):
        side = f"{experts.NAMES[number]} " if len(every) > 1 else ""
        for name, conds in core.conditions(one).items():
            if name != "negative" or core.guidance(one) != 1:
                yield number, side + name, conds


def _gap(name: str, sigmas: Sequence[float]) -> Told:
    between = f"sigma {sigmas[0]:.4g}" + (f" to {sigmas[-1]:.4g}" if len(sigmas) > 1 else "")
    return Told(
        f"; {name} has no prompt at {between}, where nothing is asked and the answer is 0: let the ranges of"
        " Conditioning Set Timestep Range meet",
        "no prompt at some noise levels",
    )
