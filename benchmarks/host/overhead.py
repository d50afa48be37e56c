"""What our two passes cost beside core's two passes: the same model, the same calls, the same process.

    python -m benchmarks.overhead            (needs a ComfyUI: COMFYUI_PATH, else ~/comfy/ComfyUI)

Core: FlipSigmas and SamplerCustom's own code, euler up and down. Ours: the Exact Unsampler's and the
resampler's code, euler without record, whose calls are the same but for one that is asked twice; and as
shipped, midpoint with record, whose extra calls are told. The model is a small UNet of SD1.5's kind with
random weights: a real network, run by the real guider, and small, so that an overhead would show. Time is the
median over rounds of the ratio within a round; memory is the peak of a process of its own for each (on a GPU,
of the allocator)."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the host's python knows its own folder only

from benchmarks.host import in_host
from benchmarks.host.models import narrow_sd15
from benchmarks.origin import origin

RESULT = Path(__file__).resolve().parents[1] / "results" / "overhead.md"
WAYS = ("core", "ours", "shipped")


def main() -> int:
    """Runs the measurement under the host's python and writes the table."""
    parser = argparse.ArgumentParser("python -m benchmarks.overhead", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=24, help="latent height and width")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--inside", choices=["time", *WAYS], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        sys.stdout.write("\n" + json.dumps(measure(options)) + "\n")
        return 0
    if in_host.missing("overhead"):
        return 1
    figures = {"time": ask("time", options)}
    peaks = [{way: ask(way, options)["peak"] for way in WAYS} for _ in range(3)]
    figures |= {way: {"peak": statistics.median(one[way] for one in peaks)} for way in WAYS}
    text = table(figures, options)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text)
    print(text)
    return 0


def ask(part: str, options: argparse.Namespace) -> dict:
    """One measurement in a process of the host's python."""
    given = [f"--{name}={getattr(options, name)}" for name in ("rounds", "frames", "size", "steps")]
    return in_host.answer(__file__, ["--inside", part, *given], tidy=part in WAYS)


def measure(options: argparse.Namespace) -> dict:
    """Inside the host: either all ways in turn, timed, or one way, for its peak memory."""
    bench = Bench(options)
    bench.run(options.inside if options.inside in WAYS else "core")  # warm up
    if options.inside in WAYS:
        return {"peak": bench.peak()}
    rounds = []
    for number in range(options.rounds):
        order = WAYS if number % 2 == 0 else WAYS[::-1]
        rounds.append({way: bench.run(way) for way in order})
    return {"rounds": rounds, "calls": bench.calls, "device": bench.device_name}


class Bench:
    """The model, the clip and the two ways through them, inside the host."""

    def __init__(self, options: argparse.Namespace):
        import torch

        self.torch = torch
        in_host.on_cpu(not torch.cuda.is_available())
        torch.set_num_threads(1)  # two threads on shared cores wait for each other and drown the difference
        # a shared machine's CPU seconds are those of this process alone; a GPU's work shows in the wall clock
        # only
        self.clock = time.perf_counter if torch.cuda.is_available() else time.process_time
        self.device_name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
        model, (_, _, schedules) = narrow_sd15(), in_host.load_pack()
        torch.manual_seed(0)
        self.clip = torch.randn(options.frames, 4, options.size, options.size)
        condition = [[torch.randn(1, 77, 768), {}]]
        self.both = in_host.TwoPasses(model, schedules.ays("SD1", options.steps), condition)
        self.calls: dict[str, int] = {}
        self.counter = 0
        network = model.model.diffusion_model
        network.register_forward_pre_hook(lambda *_: setattr(self, "counter", self.counter + 1))

    def run(self, way: str) -> float:
        """Both passes one way; the seconds they took."""
        self.counter = 0
        start = self.clock()
        settings = {"core": None, "ours": ("euler", "off"), "shipped": ()}[way]
        clip = self.both.core(self.clip) if settings is None else self.both.ours(self.clip, *settings)
        if self.torch.cuda.is_available():
            self.torch.cuda.synchronize()
        seconds = self.clock() - start
        if not clip.isfinite().all():
            raise SystemExit(f"{way} gave NaN")
        self.calls[way] = self.counter
        return seconds

    def peak(self) -> float:
        """MiB at the highest point of this process, or of the GPU's allocator."""
        if self.torch.cuda.is_available():
            return self.torch.cuda.max_memory_allocated() / 2**20
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def table(figures: dict, options: argparse.Namespace) -> str:
    """The result as Markdown."""
    rounds, calls = figures["time"]["rounds"], figures["time"]["calls"]
    lines = [
        "# Overhead: our two passes beside core's",
        "",
        f"`python -m benchmarks.overhead --rounds {options.rounds} --frames {options.frames} --size"
        f" {options.size} --steps {options.steps}` on {figures['time']['device']}; times are medians over the"
        f" rounds, ratios medians of the ratio within a round. {origin()}.",
        "",
        "| passes | model calls | seconds | time over core | per call over core | peak MiB |"
        " memory over core |",
        "|---|---|---|---|---|---|---|",
    ]
    names = {
        "core": "core: FlipSigmas + SamplerCustom, euler",
        "ours": "ours: euler, no record",
        "shipped": "ours as shipped: midpoint, record",
    }
    for way in WAYS:
        seconds = statistics.median(one[way] for one in rounds)
        ratio = statistics.median(one[way] / one["core"] for one in rounds)
        per_call = ratio * calls["core"] / calls[way]
        peak, core_peak = figures[way]["peak"], figures["core"]["peak"]
        lines.append(
            f"| {names[way]} | {calls[way]} | {seconds:.2f} | {ratio:.3f} | {per_call:.3f} |"
            f" {peak:.0f} | {peak / core_peak:.3f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
