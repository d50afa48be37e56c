"""Other people's ways of restyling, which unsample nothing: SDEdit, FlowEdit and FlowAlign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks.style_transfer.cases import HIGH_CFG, Case, Down, Prompt
from benchmarks.style_transfer.transfers import Transfer
from unsampling import Inversion, resample

FLOWEDIT, FLOWALIGN = "FlowEdit", "FlowAlign"
SEEDS = 2  # of FlowEdit's noise
SKIPPED = 5  # of 16 steps: what FlowEdit skips on SD3, 17 of 50
# FlowEdit's own settings: cfg of source and target, and the skipped of 16 steps; on FLUX these are 4 of 28.
PUBLISHED = {"SD3": (3.5, 13.5, SKIPPED), "FLUX": (1.5, 5.5, 2)}
TERM = 0.01  # of FlowAlign's pull towards the source, as its authors' code has it

Start = tuple[Prompt, Tensor]  # the source's prompt, and the source
Edit = Callable[[Prompt, Prompt, Tensor, Tensor, float, int], Tensor]


def partial(transfer: Transfer, structure: float | None, cfg: float | None = None) -> Case:
    """No unsampling: the source under random noise of the level that this structure starts at (SDEdit, Meng
    et al. 2022), or at None the noise alone, then down by the plain midpoint."""

    def rise(denoise: Prompt, clip: Tensor, sigmas: Tensor) -> Inversion:
        start = round((structure or 0.0) * (len(sigmas) - 1))
        noise = transfer.noise() * float(sigmas[start])
        return Inversion(noise if structure is None else clip + noise, sigmas, "midpoint", start)

    name = "random noise" if structure is None else "SDEdit"
    downs = [
        Down(name, lambda denoise, start, sigmas: resample(denoise, start), c, structure)
        for c in ([1.0, cfg] if cfg else [1.0])
    ]
    return Case(rise, tuple(downs), returns=False)


def flow_edit(transfer: Transfer, seed: int = 0, cfg: float = 1.0, skipped: int = 0) -> Case:
    """FlowEdit (Kulikov et al., arXiv 2412.08629) on sigmas, from the top or with its first steps skipped; a
    row of the source's prompt and one of the target's a step, each at fresh noise.

    The paper guides both prompts, the target's about four times as strongly: published() does. Here the
    source's cfg is 1.
    """

    def answers(source: Prompt, target: Prompt, q: Tensor, p: Tensor, sigma: float, i: int) -> Tensor:
        return target(p, sigma, i)

    more = ", first steps skipped" if skipped else f", seed {seed + 1}" if seed else ""
    return _direct(transfer, FLOWEDIT + more, answers, cfg, seed, skipped)


def published(transfer: Transfer, model: str) -> Case:
    """FlowEdit with its authors' settings for that model, both prompts guided."""
    source_cfg, cfg, skipped = PUBLISHED[model]
    case = flow_edit(transfer, cfg=cfg, skipped=skipped)
    (down,) = case.downs
    return replace(case, cfg=source_cfg, downs=(replace(down, name=f"{FLOWEDIT}, set as for {model}"),))


def flow_align(transfer: Transfer, cfg: float = 1.0) -> Case:
    """FlowAlign (Kim et al., arXiv 2505.23145) on sigmas: FlowEdit with the source's prompt as the negative
    at the edited point, and each step pulled towards the source by TERM of the difference of the answers.

    After the authors' code: its q - s v(q) is the answer D(q), for flows as for sigmas. Three rows a step;
    at cfg 1 the negative counts for nothing, and is not asked.
    """

    def answers(source: Prompt, target: Prompt, q: Tensor, p: Tensor, sigma: float, i: int) -> Tensor:
        if cfg == 1:
            return target.plain(p, sigma, i)
        negative = source(p, sigma, i)
        return negative + cfg * (target.plain(p, sigma, i) - negative)

    return _direct(transfer, FLOWALIGN, answers, cfg, term=TERM)


def rivals(transfer: Transfer) -> list[Case]:
    """What is tried on the compared clips, beyond what FlowEdit does on all."""
    return [
        flow_edit(transfer, skipped=SKIPPED),
        *(published(transfer, model) for model in PUBLISHED),
        flow_align(transfer),
        flow_align(transfer, HIGH_CFG),
    ]


def _direct(
    transfer: Transfer,
    name: str,
    edited: Edit,
    cfg: float,
    seed: int = 0,
    skipped: int = 0,
    term: float = 0.0,
) -> Case:
    """From the source straight to the target, by the difference of two answers a step."""

    def fall(target: Prompt, start: Start, sigmas: Tensor) -> Tensor:
        (source, clip), random = start, torch.Generator().manual_seed(SEEDS * transfer.index + seed)
        z = clip
        for i, (here, there) in enumerate(zip(sigmas[:-1].tolist(), sigmas[1:].tolist(), strict=True)):
            if i >= skipped:
                q = clip + here * torch.randn(clip.shape, generator=random)
                kept, wanted = source(q, here, i), edited(source, target, q, z + q - clip, here, i)
                slope = (z - clip + kept - wanted) / here  # of the two velocities, v = (x - D) / sigma
                z = z + (there - here) * slope + term * (kept - wanted)
        return z

    return Case(lambda source, clip, sigmas: (source, clip), (Down(name, fall, cfg),), returns=False)
