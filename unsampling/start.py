"""What a direct path begins with where the clip shows through the noise at the top of the schedule.

A model takes the clip's colours there for those of the new look. So it is asked what the look is without them
(docs/exactness.md#bare; Everaert et al. 2023, signal-leak bias, arXiv 2309.15842).
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from .direct import Direct, kept
from .hold import Adjust, layout, unchanged
from .solvers.evaluation import ModelCalls

# The clip's layout over the noise's from which the model takes the clip's colours for those of the look: the
# demo's clips have 0.01 to 0.03 of sigma 250, where they do not matter, and 0.12 to 0.52 of 14.6. Noise has
# the less of it the larger a picture is, so there it is reached from higher sigmas on. From OUTWEIGHS on a
# fifth of the edit would be left, or less, which is not worth the calls.
SHOWS, OUTWEIGHS = 0.04, 2.0
# How much more the two looks differ than the model says of noise without a clip.
GAIN = 2.0
# The most of a tone that a model is taken to give back. FAINTEST: of its squared strength, so that no tone at
# all is no division by zero.
GIVEN_BACK, FAINTEST = 0.8, 1e-24


def shows_through(source: Tensor, sigma: Tensor, flow: bool) -> bool:
    """Whether the clip shows through the noise at the top of the schedule, in the low frequencies, which
    carry the colours, and does not outweigh it by far.

    A model that was trained so takes them for the colours of the picture, whatever the prompt says
    (Everaert et al. 2023, signal-leak bias, arXiv 2309.15842).
    """
    seen = clip_over_noise(source, sigma, flow).square().mean().sqrt()
    return SHOWS < float(seen) < OUTWEIGHS


def clip_over_noise(source: Tensor, sigma: Tensor, flow: bool) -> Tensor:
    """The strength of each frame's low frequencies over that of white noise at this sigma.

    Returns: float32 on the CPU, one for each frame: broadcasts to source.
    """
    axes, sigma = (1, -2, -1), sigma.cpu()
    seen = layout(source.to("cpu", torch.float32)).square().mean(axes, keepdim=True).sqrt()
    impulse = torch.zeros(source.shape[-2:])
    impulse[0, 0] = 1
    # white noise, filtered in the same way
    return seen * ((1 - sigma) if flow else 1) / (sigma * layout(impulse).norm())


def with_bare(direct: Direct, ask: ModelCalls, source: Tensor, sigmas: Tensor) -> Direct:
    """The same with the bare answer, kept by the store of ask()."""
    bare = bare_answer(ask, source, sigmas, direct)
    return replace(direct, bare=bare if ask.store is None else ask.store(bare))


def bare_edit(
    calls: ModelCalls,
    source: Tensor,
    sigmas: Tensor,
    direct: Direct,
    share: Tensor | None,
    look: Adjust = unchanged,
) -> Tensor | None:
    """What an edit begins with where the clip shows through the noise at the top; None where it does not.

    Its pattern is what the target's pass (its text, and a ControlNet that it has) says beyond the source's of
    noise without the clip. Its tone is the one that the model, shown it, gives back: less of it leaves the
    source's colours. Of both a frame has as much as the noise has of its low frequencies at the top: the rest
    is the clip's already.

    calls: of a pass for the target. share: of the edit that each place keeps. look: is given each answer
    beside the source's.
    """
    if direct.bare is None:
        return None
    own, answer = (t.to(source.device, source.dtype) for t in (direct.bare, direct.answers[0]))
    pattern = GAIN * (look(bare_answer(calls, source, sigmas, direct).to(source), own) - own)
    pattern, noised = pattern - tone(pattern, share), direct.noised(source, sigmas[0], 0)

    def given_back(shown: Tensor) -> Tensor:
        denoised = calls.ask(noised + kept(pattern + shown, share), sigmas[0], 0)
        return tone(look(denoised, answer) - answer, share)

    noises = 1 / (1 + clip_over_noise(source, sigmas[0], direct.flow).square())
    return (pattern + settled(given_back, torch.zeros_like(source))) * noises.to(source)


def tone(x: Tensor, share: Tensor | None = None) -> Tensor:
    """The mean of each channel of each frame, as [...,1,1].

    share: which places count; broadcasts to x. 0 in a frame in which none does.
    """
    counts = torch.ones_like(x) if share is None else share.to(x).expand_as(x)
    sums, counts = (t.mean((-2, -1), keepdim=True) for t in (x * counts, counts))
    return torch.where(counts > 0, sums / counts, 0.0)


def settled(given_back: Callable[[Tensor], Tensor], nothing: Tensor) -> Tensor:
    """The tone that is given back as it is shown, frame by frame, by two answers (Aitken's extrapolation).

    nothing: no tone at all, which is returned where nothing is given back to it.
    """
    first = given_back(nothing)
    one, two = first.float(), given_back(first).float()
    share = ((two - one) * one).sum(1, True) / one.square().sum(1, True).clamp(min=FAINTEST)
    return first / (1 - share.clamp(0, GIVEN_BACK)).to(first)


def bare_answer(calls: ModelCalls, source: Tensor, sigmas: Tensor, direct: Direct) -> Tensor:
    """What the model says of the top step's fresh noise alone: the mean of two calls, for that noise and its
    negative, since what it sees in the one is not the look's. As these calls keep their outputs."""
    noise = direct.noise(source, sigmas[0], 0)
    both = calls.ask(noise, sigmas[0], 0) + calls.ask(-noise, sigmas[0], 0)
    return calls.as_stored(both / 2, source.dtype)
