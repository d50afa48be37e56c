"""What our two passes cost beside core's two passes: the same model, the same calls, the same process.

    python -m benchmarks.overhead            (needs a ComfyUI: COMFYUI_PATH, else ~/comfy/ComfyUI)

Core: FlipSigmas and SamplerCustom's own code, euler up and down. Ours: the Unsampler's and the resampler's
code, euler without record, so that the calls are the same; and as shipped, midpoint with record, whose extra
calls are told. The model is a small UNet of SD1.5's kind with random weights: a real network, run by the real
guider, and small, so that an overhead would show. Time is the median over rounds of the ratio within a round;
memory is the peak of a process of its own for each (on a GPU, of the allocator). """

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # the host's python knows its own folder only

from benchmarks import in_host

RESULT = Path(__file__).with_name("results") / "overhead.md"
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
    found = {"time": ask("time", options)}
    peaks = [{way: ask(way, options)["peak"] for way in WAYS} for _ in range(3)]
    found |= {way: {"peak": statistics.median(one[way] for one in peaks)} for way in WAYS}
    text = table(found, options)
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
        self.model = random_model(torch)
        self.device_name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
        self.passes, self.host, schedules = in_host.load_pack()
        torch.manual_seed(0)
        self.clip = torch.randn(options.frames, 4, options.size, options.size)
        self.sigmas = schedules.ays("SD1", options.steps)
        self.condition = [[torch.randn(1, 77, 768), {}]]
        self.calls: dict[str, int] = {}
        self.counter = 0
        network = self.model.model.diffusion_model
        network.register_forward_pre_hook(lambda *_: setattr(self, "counter", self.counter + 1))

    def run(self, way: str) -> float:
        """Both passes one way; the seconds they took."""
        self.counter = 0
        start = self.clock()
        clip = self.core() if way == "core" else self.ours(way)
        if self.torch.cuda.is_available():
            self.torch.cuda.synchronize()
        seconds = self.clock() - start
        if not clip.isfinite().all():
            raise SystemExit(f"{way} gave NaN")
        self.calls[way] = self.counter
        return seconds

    def core(self):
        """SamplerCustom and FlipSigmas as core's nodes run them."""
        from comfy_extras.nodes_custom_sampler import FlipSigmas, KSamplerSelect, SamplerCustom

        sampler = KSamplerSelect.execute("euler").result[0]
        latent = {"samples": self.clip}
        for sigmas in (FlipSigmas.execute(self.sigmas).result[0], self.sigmas):
            latent = SamplerCustom.execute(self.model, False, 0, 1.0, self.condition, self.condition, sampler,
                                           sigmas, latent).result[0]
        return latent["samples"]

    def ours(self, way: str):
        """The Unsampler and the Noiseless Resampler."""
        solver, record = ("euler", "off") if way == "ours" else ("midpoint", "full")
        guider = self.host.cfg_guider(self.model, self.condition, self.condition, 1.0)
        noise = self.passes.unsample(guider, {"samples": self.clip}, self.sigmas, solver, 1.0, record, None)
        return self.passes.resample(guider, noise, None, "auto", 0.0, 1.0, None)["samples"]

    def peak(self) -> float:
        """MiB at the highest point of this process, or of the GPU's allocator."""
        if self.torch.cuda.is_available():
            return self.torch.cuda.max_memory_allocated() / 2**20
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def random_model(torch):
    """A MODEL of SD1.5's kind, narrow, with random weights."""
    import comfy.model_management
    import comfy.model_patcher
    import comfy.supported_models

    config = {"image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 64,
              "num_res_blocks": [1, 1], "channel_mult": [1, 2], "transformer_depth": [1, 1],
              "transformer_depth_output": [1, 1, 1, 1], "transformer_depth_middle": 1, "context_dim": 768,
              "num_heads": 8, "use_spatial_transformer": True, "legacy": False, "dtype": torch.float32,
              "adm_in_channels": None, "use_linear_in_transformer": False}
    settings = comfy.supported_models.SD15(config)
    settings.unet_config["dtype"] = torch.float32
    settings.set_inference_dtype(torch.float32, None)
    device = comfy.model_management.get_torch_device()
    model = settings.get_model({}, "", device=torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    for name, weight in model.diffusion_model.named_parameters():
        spread = 1.0 / max(1, weight[0].numel()) ** 0.5 if weight.ndim > 1 else float(name.endswith("weight"))
        weight.data = torch.randn(weight.shape, generator=generator) * spread if weight.ndim > 1 else \
            torch.full(weight.shape, spread)
    return comfy.model_patcher.ModelPatcher(model, load_device=device, offload_device=torch.device("cpu"))


def table(found: dict, options: argparse.Namespace) -> str:
    """The result as Markdown."""
    rounds, calls = found["time"]["rounds"], found["time"]["calls"]
    lines = [
        "# Overhead: our two passes beside core's",
        "",
        f"`python -m benchmarks.overhead --rounds {options.rounds} --frames {options.frames} --size"
        f" {options.size} --steps {options.steps}` on {found['time']['device']}; times are medians over the"
        " rounds, ratios medians of the ratio within a round.",
        "",
        "| passes | model calls | seconds | time over core | per call over core | peak MiB |"
        " memory over core |",
        "|---|---|---|---|---|---|---|",
    ]
    names = {"core": "core: FlipSigmas + SamplerCustom, euler", "ours": "ours: euler, no record",
             "shipped": "ours as shipped: midpoint, record"}
    for way in WAYS:
        seconds = statistics.median(one[way] for one in rounds)
        ratio = statistics.median(one[way] / one["core"] for one in rounds)
        per_call = ratio * calls["core"] / calls[way]
        peak, core_peak = found[way]["peak"], found["core"]["peak"]
        lines.append(f"| {names[way]} | {calls[way]} | {seconds:.2f} | {ratio:.3f} | {per_call:.3f} |"
                     f" {peak:.0f} | {peak / core_peak:.3f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
