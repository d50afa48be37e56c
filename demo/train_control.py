"""`python -m demo.train_control`: train the demo's edge ControlNet, the model itself frozen.

The edges are those of the same content in a style drawn by itself, five times in six another than the one
asked for: they say where shapes are, not how they look. As demo.train it goes on from the checkpoint in the
folder, to the same weights as without the stop. Noise is mostly high, where the model alone knows least.
"""

from __future__ import annotations

import argparse
import copy
import json
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from . import control, model, world
from .train import DROPPED, checkpoint, follow, loss, noise_levels, resumed, sampled

CLIPS, FRAMES = 2, 8  # a step
RATE, WARM_UP, DECAY = 1e-3, 50, 0.99
LOG_SIGMA = 2.5, 1.6  # mean and spread of a normal
EVERY = 100  # steps between a checkpoint and the next
CHECKED = (2.0, 8.0, 30.0, 120.0)  # noise levels of the held-out loss
SHOWN = 4  # frames of each clip in the picture of samples


class Batch(NamedTuple):
    """Clips [batch,frames,3,height,width] and edges [batch,frames,1,height,width], with the styles asked for,
    sigmas and noise."""

    clips: Tensor
    edges: Tensor
    styles: Tensor
    sigma: Tensor
    noise: Tensor


def main() -> None:
    """Train to the last step, from the checkpoint in the folder if there is one."""
    options = _parser().parse_args()
    torch.manual_seed(0)
    unet = model.load()
    net = control.begun(unet).to(memory_format=torch.channels_last)
    ema = copy.deepcopy(net).requires_grad_(False)
    adam = torch.optim.AdamW(net.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=0.01)
    parts = {"net": net, "ema": ema, "adam": adam}
    log = resumed(options.folder, parts)
    started, before = monotonic(), log[-1]["seconds"] if log else 0.0
    without = held_out(unet, None)
    recent: list[float] = []
    first = log[-1]["step"] if log else 0
    for step in tqdm(range(first, options.steps), initial=first, total=options.steps, mininterval=10):
        recent.append(_step(unet, net, adam, step, options.steps))
        follow(ema, net, min(DECAY, (step + 1) / (step + 10)))
        if (step + 1) % EVERY == 0 or step + 1 == options.steps:
            row = {"step": step + 1, "loss": sum(recent) / len(recent)}
            row |= {"held_out": held_out(unet, ema), "without": without}
            log.append(row | {"seconds": round(before + monotonic() - started, 1)})
            recent.clear()
            checkpoint(options.folder, parts, log)
            tqdm.write(json.dumps(log[-1]))
    model.save(ema, options.folder / control.WEIGHTS.name)
    loss_curve(log, options.folder / "control_loss.png")
    net = control.load(options.folder / control.WEIGHTS.name)
    samples(unet, net, options.folder / "control_samples.png")


def batch(step: int) -> Batch:
    """All from the step's number."""
    random = torch.Generator().manual_seed(step)

    def drawn(below: int) -> int:
        return int(torch.randint(below, (), generator=random))

    clips, edges, styles = [], [], []
    for i in range(CLIPS):
        seed = world.HELD_OUT.stop + step * CLIPS + i
        of, start = world.content(seed), drawn(world.FRAMES - FRAMES + 1)
        style, other = (world.STYLE_NAMES[drawn(len(world.STYLE_NAMES))] for _ in range(2))
        clips.append(world.render(of, style)[start : start + FRAMES])
        edges.append(source_edges(of, other, seed)[start : start + FRAMES])
        styles.append(None if torch.rand((), generator=random) < DROPPED else style)
    sigma = noise_levels(CLIPS, LOG_SIGMA, random)
    noise = torch.randn(CLIPS, FRAMES, 3, world.SIZE, world.SIZE, generator=random)
    return Batch(torch.stack(clips), torch.stack(edges), model.one_hot(styles), sigma, noise)


def source_edges(of: world.Content, style: str, seed: int) -> Tensor:
    """The edges of the content filmed in a style."""
    return control.edges(world.filmed(world.render(of, style), seed))


def _step(unet, net, adam: torch.optim.Optimizer, step: int, steps: int) -> float:
    adam.param_groups[0]["lr"] = RATE * _share(step, steps)
    value = _loss(unet, net, batch(step)).mean()
    value.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    adam.step()
    adam.zero_grad()
    return float(value.detach())


def _loss(unet, net, of: Batch) -> Tensor:
    added = None if net is None else control.residuals(net, of.edges)
    return loss(unet, of.clips, of.styles, of.sigma, of.noise, added)


def _share(step: int, steps: int) -> float:
    """Of the full rate: up over WARM_UP steps, flat, then down to nothing over the last half."""
    return min(1.0, (step + 1) / WARM_UP, 2 * (steps - step) / steps)


@torch.inference_mode()
def held_out(unet, net) -> list[float]:
    """The loss at each of CHECKED on six held-out clips, one a style, each with the edges of the next style.
    net None: without control."""
    names = world.STYLE_NAMES
    of = [world.content(i) for i in range(len(names))]
    clips = torch.stack([world.render(c, s)[:FRAMES] for c, s in zip(of, names, strict=True)])
    others = zip(of, names[1:] + names[:1], range(len(names)), strict=True)
    edges = torch.stack([source_edges(*other)[:FRAMES] for other in others])
    noise = torch.randn(clips.shape, generator=torch.Generator().manual_seed(1))
    rows = [
        _loss(unet, net, Batch(clips, edges, model.one_hot(names), torch.full((len(names),), sigma), noise))
        for sigma in CHECKED
    ]
    return [round(float(row.mean()), 5) for row in rows]


def loss_curve(log: list[dict], path: Path) -> None:
    """The held-out loss at each noise level over steps, and as broken lines what it is without control."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4), layout="constrained")
    steps = [row["step"] for row in log]
    axes.plot(steps, [row["loss"] for row in log], "k", label="training")
    for i, sigma in enumerate(CHECKED):
        (line,) = axes.plot(steps, [row["held_out"][i] for row in log], label=f"held out, sigma {sigma:g}")
        axes.axhline(log[0]["without"][i], color=line.get_color(), linestyle="--")
    axes.set(xlabel="step", ylabel="weighted squared error; broken: without control", yscale="log")
    figure.legend(loc="outside right upper")
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)


def samples(unet, net, path: Path, steps: int = 16) -> None:
    """A row a style: the edges of a held-out clip in another style, what grows from random noise under them,
    at strength 1 on all steps, and the clip in that style."""
    sigmas, rows = model.schedule(steps), []
    for i, style in enumerate(world.STYLE_NAMES):
        of = world.content(i)
        edges = source_edges(of, world.STYLE_NAMES[i - 1], i)
        x = torch.randn(world.FRAMES, 3, world.SIZE, world.SIZE, generator=torch.Generator().manual_seed(i))
        held = control.controlled(net, edges, 1.0, steps)
        grown = sampled(model.denoiser(unet, style, control=held), x * sigmas[0], sigmas)
        row = [edges.expand(-1, 3, -1, -1) * 2 - 1, grown, world.render(of, style)]
        rows.append(torch.cat([frame for clip in row for frame in clip[:: world.FRAMES // SHOWN]], 2))
    sheet = ((torch.cat(rows, 1).clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(sheet).save(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m demo.train_control", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--steps", type=int, default=1200)
    add("--folder", type=Path, default=Path("demo/out/control"), help="for checkpoints and results")
    return parser


if __name__ == "__main__":
    main()
