"""Our two passes beside core's on video models of full size: seconds and peak GPU memory.

    python -m benchmarks.video_models        (needs a ComfyUI with AnimateDiff-Evolved)
    python -m benchmarks.video_models --size small      what a CPU can do: that it runs, no figure of worth;
                                                        SDXL's family is Segmind Vega there

SD1.5 with AnimateDiff's v2 module at 512x512, 16 and 128 frames; SDXL with HotshotXL's at 1024x576. The
layouts are the real ones, the weights random, which costs what trained ones cost. Core: FlipSigmas and
SamplerCustom, euler up and down. Ours: euler without record, which makes the same calls and one of
them twice, and as shipped, midpoint with record. Each way runs once to warm up, then all in turn; seconds are
medians, ratios medians of the ratio within a round; memory is the allocator's peak in a run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the host's python knows its own folder only

from benchmarks.host import in_host
from benchmarks.host.models import UNETS, random_model
from benchmarks.origin import origin

RESULT = Path(__file__).resolve().parents[1] / "results" / "video_models.md"
WAYS = {
    "core": "core: FlipSigmas + SamplerCustom, euler",
    "same": "ours: euler, no record",
    "shipped": "ours as shipped: midpoint, record",
}
TITLES = (
    "clip",
    "passes",
    "calls",
    "seconds",
    "time a call over core",
    "peak MiB",
    "memory over core",
    "round trip",
)
STATED = 1.02  # of core's peak memory and of its time a call
MOTION = {
    "SD15": "SD1.5 + AnimateDiff v2",
    "SDXL": "SDXL + HotshotXL",
    "Segmind_Vega": "Segmind Vega + HotshotXL",
}


@dataclass(frozen=True)
class Case:
    """One clip on one model: its frames, the latent's height and width, the windows, beta, AYS's table."""

    kind: str
    frames: int
    height: int
    width: int
    window: int
    overlap: int
    beta: str
    table: str

    @property
    def title(self) -> str:
        return f"{MOTION[self.kind]}, {self.frames} frames of {8 * self.width}x{8 * self.height}"


SD15 = {"kind": "SD15", "window": 16, "overlap": 4, "beta": "autoselect", "table": "SD1"}
SDXL = {"kind": "SDXL", "window": 8, "overlap": 2, "beta": "linear (HotshotXL/default)", "table": "SDXL"}
CASES = {
    "full": [
        Case(frames=16, height=64, width=64, **SD15),
        Case(frames=128, height=64, width=64, **SD15),
        Case(frames=16, height=72, width=128, **SDXL),
    ],
    "small": [
        Case(frames=2, height=8, width=8, **SD15),
        Case(frames=2, height=8, width=8, **SDXL | {"kind": "Segmind_Vega"}),
    ],
}


def main() -> int:
    """Runs every case under the host's python and writes the table; 1 where a bar is broken on a GPU."""
    parser = argparse.ArgumentParser("python -m benchmarks.video_models", description=__doc__.split("\n")[0])
    parser.add_argument("--size", choices=list(CASES), default="full")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--inside", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside is not None:
        sys.stdout.write("\n" + json.dumps(measure(CASES[options.size][options.inside], options)) + "\n")
        return 0
    if in_host.missing("video_models"):
        return 1
    given = [f"--size={options.size}", f"--rounds={options.rounds}", f"--steps={options.steps}"]
    cases = [
        in_host.answer(__file__, [f"--inside={i}", *given], tidy=False)
        for i in range(len(CASES[options.size]))
    ]
    text, holds = table(cases, options)
    print(text)
    if cases[0]["device"] != "CPU" or not RESULT.exists():
        RESULT.write_text(text)
    return int(not holds)


def measure(case: Case, options: argparse.Namespace) -> dict:
    """Inside the host: every way in turn, after each has run once."""
    import torch

    gpu = torch.cuda.is_available()
    if not gpu and options.size == "full":
        raise SystemExit("video_models: there is no GPU, and full size needs one; --size small runs on a CPU")
    in_host.on_cpu(not gpu)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        model = evolved(case, torch.float16 if gpu else torch.float32, Path(folder))
        both = in_host.TwoPasses(model, schedule(case, options.steps), condition(case))
        torch.manual_seed(0)
        clip = torch.randn(case.frames, 4, case.height, case.width)
        ways = {
            "core": lambda: both.core(clip),
            "same": lambda: both.ours(clip, "euler", "off"),
            "shipped": lambda: both.ours(clip),
        }
        calls = counted(model)
        for way in ways.values():
            way()
        rounds = [{name: run(way, clip, calls) for name, way in ways.items()} for _ in range(options.rounds)]
    return {"title": case.title, "rounds": rounds, "device": torch.cuda.get_device_name() if gpu else "CPU"}


def run(way, clip, calls: list) -> dict:
    """One run: seconds, the allocator's peak in bytes, model calls, and how far it comes back."""
    import torch

    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    calls.clear()
    start = time.perf_counter()
    result = way()
    if gpu:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "peak": torch.cuda.max_memory_allocated() if gpu else 0,
        "calls": len(calls),
        "lost": float((result.cpu() - clip).norm() / clip.norm()),
    }


def counted(model) -> list:
    """A list that gets an entry at each call of the network."""
    calls: list = []
    model.model.diffusion_model.register_forward_pre_hook(lambda *_: calls.append(1))
    return calls


def schedule(case: Case, steps: int):
    return in_host.load_pack()[2].ays(case.table, steps)


def condition(case: Case) -> list:
    """A prompt of the model's width, at random."""
    import torch

    wide = UNETS[case.kind]["context_dim"]
    return [[torch.randn(1, 77, wide), {"pooled_output": torch.randn(1, 1280)}]]


def evolved(case: Case, dtype, folder: Path):
    """The MODEL with its motion module in AnimateDiff-Evolved's context windows, as that pack makes it."""
    import folder_paths

    import nodes

    classes = nodes.NODE_CLASS_MAPPINGS
    [pack] = [path for path in Path("custom_nodes").iterdir() if "animatediff-evolved" in path.name.lower()]
    asyncio.run(nodes.load_custom_node(str(pack.resolve())))
    folder_paths.add_model_folder_path("animatediff_models", str(folder), is_default=True)

    def output(node: str, **inputs):
        return getattr(classes[node](), classes[node].FUNCTION)(**inputs)[0]

    loaded = output("ADE_LoadAnimateDiffModel", model_name=motion_module(case.kind, folder))
    motion = output("ADE_ApplyAnimateDiffModelSimple", motion_model=loaded)
    windows = output(
        "ADE_StandardStaticContextOptions",
        context_length=case.window,
        context_overlap=case.overlap,
        fuse_method="pyramid",
        use_on_equal_length=False,
        start_percent=0.0,
        guarantee_steps=1,
    )
    model = random_model(case.kind, UNETS[case.kind], dtype)
    return output(
        "ADE_UseEvolvedSampling",
        model=model,
        m_models=motion,
        context_options=windows,
        beta_schedule=case.beta,
    )


def motion_module(kind: str, folder: Path) -> str:
    """A file of that family's motion module, of full size with random weights; its name."""
    sys.path.append(str(in_host.REPOSITORY / "tests" / "host"))
    from family_models import hotshot
    from safetensors.torch import save_file
    from tiny_models import motion_layout, random_weights

    weights = random_weights(motion_layout(), seed=4) if kind == "SD15" else hotshot()
    path = folder / f"{kind}_mm_v2.safetensors"
    save_file(weights, path)
    return path.name


def table(cases: list[dict], options: argparse.Namespace) -> tuple[str, bool]:
    """The result as Markdown, and whether no bar is broken."""
    device = cases[0]["device"]
    where = "Not run on a GPU: this shows only that it runs." if device == "CPU" else f"On {device}, float16."
    lines = [
        "# Video models: our two passes beside core's",
        "",
        f"`python -m benchmarks.video_models --size {options.size} --rounds {options.rounds} --steps"
        f" {options.steps}`. {where} {origin()}.",
        "",
        f"| {' | '.join(TITLES)} |",
        "|---" * len(TITLES) + "|",
    ]
    holds = True
    for case in cases:
        for way, name in WAYS.items():
            rounds = [(one[way], one["core"]) for one in case["rounds"]]
            own = rounds[0][0]
            seconds = statistics.median(a["seconds"] for a, _ in rounds)
            ratio = statistics.median(
                a["seconds"] / b["seconds"] * b["calls"] / a["calls"] for a, b in rounds
            )
            memory = own["peak"] / rounds[0][1]["peak"] if own["peak"] else 1.0
            peak = f"{own['peak'] / 2**20:,.0f} | {memory:.3f}" if own["peak"] else "- | -"
            lines.append(
                f"| {case['title']} | {name} | {own['calls']} | {seconds:.1f} | {ratio:.3f} |"
                f" {peak} | {own['lost']:.1e} |"
            )
            holds &= device == "CPU" or (ratio <= STATED and memory <= STATED)
    verdict = "not judged on a CPU" if device == "CPU" else "holds" if holds else "BROKEN"
    lines += ["", f"Stated: time a call and peak memory at most {STATED} of core's: {verdict}."]
    return "\n".join(lines) + "\n", holds


if __name__ == "__main__":
    sys.exit(main())
