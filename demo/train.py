"""`python -m demo.train`: train the demo's model on the procedural world, from nothing to a file of weights.

Clips, styles and noise of a step come from the step's number, and a checkpoint in the folder is gone on from,
so a run that was stopped goes on as if it had not been. Sigmas reach from 0.01 to 520, at which nothing of a
clip is left: what is the same all over a clip outlives far more noise than its pixels do. Until the last part
every other step sees half clips in twice the number.
"""

from __future__ import annotations

import argparse
import copy
import json
from pathlib import Path
from time import monotonic

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from . import model, world

FRAMES_A_STEP = 64
DROPPED = 0.12  # share of clips trained without their style, for cfg
MATRIX_RATE, RATE = 2e-3, 1e-3  # of Muon for matrices, of AdamW for the rest
WARM_UP, DECAY = 200, 0.999
WHOLE = 0.7  # of the steps; from there on all clips are whole
LOG_SIGMA, TAILS = (0.7, 1.8), 1e-3  # mean and spread of a normal, and what is left out of it at either end
EVERY = 200  # steps between a checkpoint and the next
CHECKED = (0.05, 0.2, 0.6, 2.0, 8.0, 40.0)  # noise levels of the held-out loss


def main() -> None:
    """Train to the last step, from the checkpoint in the folder if there is one."""
    options = _parser().parse_args()
    torch.manual_seed(0)
    unet = model.build().to(options.device)
    ema = copy.deepcopy(unet).requires_grad_(False)
    optimisers = Optimisers(unet)
    network = torch.compile(unet, dynamic=False) if options.compile else unet
    parts = {"unet": unet, "ema": ema, "optimisers": optimisers}
    log = resumed(options.folder, parts)
    if options.start_from and not log:
        for each in (unet, ema):
            each.load_state_dict(model.load(options.start_from).state_dict())
    first = log[-1]["step"] if log else 0
    started, before = monotonic(), log[-1]["seconds"] if log else 0.0
    recent: list[float] = []
    for step in tqdm(range(first, options.steps), initial=first, total=options.steps, mininterval=10):
        recent.append(_step(network, optimisers, step, options))
        follow(ema, unet, min(DECAY, (step + 1) / (step + 10)))
        if (step + 1) % EVERY == 0 or step + 1 == options.steps:
            seconds = before + monotonic() - started
            log.append(
                {
                    "step": step + 1,
                    "loss": sum(recent) / len(recent),
                    "seconds": round(seconds, 1),
                    "held_out": _held_out(ema, options.device),
                }
            )
            recent.clear()
            checkpoint(options.folder, parts, log)
            model.save(ema, options.folder / model.WEIGHTS.name)
            tqdm.write(json.dumps(log[-1]))
    loss_curve(log, options.folder / "loss.png")
    samples(model.load(options.folder / model.WEIGHTS.name), options.folder / "samples.png")


def batch(step: int, frames: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Clips [batch,frames,3,height,width], their styles, sigmas and noise: all from the step's number."""
    random = torch.Generator().manual_seed(step)
    clips, styles = [], []
    for i in range(FRAMES_A_STEP // frames):
        style = world.STYLE_NAMES[int(torch.randint(len(world.STYLE_NAMES), (), generator=random))]
        seed = world.HELD_OUT.stop + step * FRAMES_A_STEP + i
        start = int(torch.randint(world.FRAMES - frames + 1, (), generator=random))
        clips.append(world.render(world.content(seed), style)[start : start + frames])
        styles.append(None if torch.rand((), generator=random) < DROPPED else style)
    count = len(clips)
    sigma = noise_levels(count, LOG_SIGMA, random)
    noise = torch.randn(count, frames, 3, world.SIZE, world.SIZE, generator=random)
    return torch.stack(clips), model.one_hot(styles), sigma, noise


def noise_levels(count: int, log_sigma: tuple[float, float], random: torch.Generator) -> Tensor:
    """Sigmas [count] whose logarithms are normal with that mean and spread: one in each of count parts."""
    spread = (torch.arange(count) + torch.rand(count, generator=random)) / count
    normal = torch.special.ndtri(spread.clamp(TAILS, 1 - TAILS))
    return (normal * log_sigma[1] + log_sigma[0]).exp().clamp(min=0.01)


class Optimisers:
    """Muon (Jordan et al. 2024) for the matrices, kernels of convolutions among them, AdamW for the rest."""

    def __init__(self, unet: torch.nn.Module):
        matrices, rest = [], []
        for weight in unet.parameters():
            (matrices if weight.ndim > 1 and min(_rows(weight).shape) > 16 else rest).append(weight)
        # Muon takes nothing but matrices: the same numbers in the shape that it takes.
        self.pairs = [(weight, torch.nn.Parameter(_rows(weight.data))) for weight in matrices]
        self.muon = torch.optim.Muon(
            [rows for _, rows in self.pairs],
            lr=MATRIX_RATE,
            weight_decay=0.01,
            adjust_lr_fn="match_rms_adamw",
        )
        self.adam = torch.optim.AdamW(rest, lr=RATE, betas=(0.9, 0.99), weight_decay=0.01)

    def step(self, share: float) -> None:
        """One step at that share of the full rates."""
        for weight, rows in self.pairs:
            rows.grad = weight.grad.reshape(rows.shape)
        for optimiser, rate in ((self.muon, MATRIX_RATE), (self.adam, RATE)):
            optimiser.param_groups[0]["lr"] = rate * share
            optimiser.step()

    def state_dict(self) -> dict:
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])


def _rows(weight: Tensor) -> Tensor:
    """[out,in] in the same memory, a kernel's places beside its channels."""
    return weight.view(len(weight), -1)


def _step(network, optimisers: Optimisers, step: int, options: argparse.Namespace) -> float:
    frames = world.FRAMES if step % 2 or step > WHOLE * options.steps else world.FRAMES // 2
    clips, styles, sigma, noise = (t.to(options.device) for t in batch(options.first_batch + step, frames))
    with torch.autocast(options.device, torch.bfloat16, enabled=options.precision == "bfloat16"):
        value = loss(network, clips, styles, sigma, noise).mean()
    value.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimisers.step(options.rate * _share(step, options.steps))
    network.zero_grad()
    return float(value.detach())


def loss(
    unet,
    clips: Tensor,
    styles: Tensor,
    sigma: Tensor,
    noise: Tensor,
    residuals: model.Residuals | None = None,
) -> Tensor:
    """EDM's loss of each clip, weighted so that F has unit targets at every sigma."""
    x = clips + sigma[:, None, None, None, None] * noise
    raw, skip, scale = model.network(unet, x, sigma, styles, residuals)
    return (raw - (clips - skip * x) / scale).square().mean((1, 2, 3, 4))


def _share(step: int, steps: int) -> float:
    """Of the full rates: up over WARM_UP steps, flat, then down to nothing over the last half."""
    return min(1.0, (step + 1) / WARM_UP, 2 * (steps - step) / steps)


@torch.no_grad()
def follow(ema, unet, decay: float) -> None:
    for slow, fast in zip(ema.parameters(), unet.parameters(), strict=True):
        slow.lerp_(fast, 1 - decay)


@torch.inference_mode()
def _held_out(unet, device: str) -> list[float]:
    """The loss at each of CHECKED on six held-out clips, one a style."""
    clips = torch.stack([world.render(world.content(i), s) for i, s in enumerate(world.STYLE_NAMES)])
    styles = model.one_hot(world.STYLE_NAMES)
    noise = torch.randn(clips.shape, generator=torch.Generator().manual_seed(1))
    rows = [
        loss(
            unet,
            clips.to(device),
            styles.to(device),
            torch.full((len(clips),), sigma, device=device),
            noise.to(device),
        )
        for sigma in CHECKED
    ]
    return [round(float(row.mean()), 5) for row in rows]


def resumed(folder: Path, parts: dict) -> list[dict]:
    """Loads the parts from the folder's checkpoint; its log, empty without one."""
    path = folder / "checkpoint.pt"
    if not path.is_file():
        return []
    state = torch.load(path, weights_only=True)
    for name, each in parts.items():
        each.load_state_dict(state[name])
    return state["log"]


def checkpoint(folder: Path, parts: dict, log: list[dict]) -> None:
    """Written beside and moved into place: a stop in the middle leaves the last one whole."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "checkpoint.part"
    torch.save({name: each.state_dict() for name, each in parts.items()} | {"log": log}, part)
    part.replace(folder / "checkpoint.pt")


def loss_curve(log: list[dict], path: Path) -> None:
    """The training loss and the held-out loss at each noise level, over steps."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    steps = [row["step"] for row in log]
    axes.plot(steps, [row["loss"] for row in log], "k", label="training")
    for i, sigma in enumerate(CHECKED):
        axes.plot(steps, [row["held_out"][i] for row in log], label=f"held out, sigma {sigma:g}")
    axes.set(xlabel="step", ylabel="weighted squared error", yscale="log")
    axes.legend()
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)


def samples(unet, path: Path, steps: int = 24, cfg: float = 1.5) -> None:
    """Clips from random noise, a row a style, and beside each a held-out clip of that style."""
    sigmas = model.schedule(steps)
    rows = []
    for i, style in enumerate(world.STYLE_NAMES):
        x = torch.randn(world.FRAMES, 3, world.SIZE, world.SIZE, generator=torch.Generator().manual_seed(i))
        clip = sampled(model.denoiser(unet, style, cfg), x * sigmas[0], sigmas)
        rows.append(torch.cat([*clip[::4], *world.render(world.content(i), style)[::4]], 2))
    sheet = ((torch.cat(rows, 1).clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(sheet).save(path)


def sampled(denoise: model.Denoise, x: Tensor, sigmas: Tensor) -> Tensor:
    """DPM-Solver++(2M) from random noise (Lu et al. 2022, algorithm 2)."""
    before, ratio = None, 0.0
    for i, (high, low) in enumerate(zip(sigmas.tolist(), sigmas[1:].tolist(), strict=False)):
        d = denoise(x, high, i)
        if low == 0:
            return d
        h = torch.tensor(high / low).log()
        guess = d if before is None else d + (d - before) * float(h) / (2 * ratio)
        x = low / high * x - torch.expm1(-h) * guess
        before, ratio = d, float(h)
    return x


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m demo.train", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--steps", type=int, default=4400)
    add("--folder", type=Path, default=Path("demo/out/training"), help="for checkpoints and results")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--precision", choices=["bfloat16", "float32"], default="bfloat16")
    add("--start-from", type=Path, help="weights to go on from, in place of none")
    add("--rate", type=float, default=1.0, help="share of the full learning rates")
    add("--first-batch", type=int, default=0, help="number of the first batch: those below were seen before")
    add("--compile", action="store_true", help="a seventh faster after minutes of a C++ compiler's work")
    return parser


if __name__ == "__main__":
    main()
