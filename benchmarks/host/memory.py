"""How much main memory our two passes take on long clips, with the record in memory and on disk.

    python -m benchmarks.memory              (Linux; needs a ComfyUI: COMFYUI_PATH, else ~/comfy/ComfyUI)

A real MODEL of SD1.5's kind in the real guider, cut into core's context windows, whose network is a formula:
what grows with the clip is then the passes' own. Counted is anonymous memory, which only the process can give
back; pages of a mapped file, which the system drops when it needs room, stand beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the host's python knows its own folder only

from benchmarks.host import in_host
from benchmarks.host.models import narrow_sd15
from benchmarks.host.peak import Peak
from benchmarks.origin import origin

RESULT = Path(__file__).resolve().parents[1] / "results" / "memory.md"
# a way and the limit that it sets, in GiB; None leaves the pack's own
WAYS = {"core": None, "memory": "1000", "disk": "0", "shipped": None}
NAMES = {
    "core": "core: FlipSigmas + SamplerCustom, euler",
    "memory": "ours, record in memory",
    "disk": "ours, record on disk",
    "shipped": "ours as shipped (limit 2 GiB)",
}
WINDOW, OVERLAP = 16, 4
MIB = 2**20
# latents of the clip that the passes may take beside a record on disk: what the docs say
STATED = 18


def main() -> int:
    """Measures every way at every length and writes the table; 1 where it breaks what the docs say."""
    parser = argparse.ArgumentParser("python -m benchmarks.memory", description=__doc__.split("\n")[0])
    parser.add_argument("--frames", default="64,256,1024")
    parser.add_argument("--size", type=int, default=64, help="latent height and width")
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        sys.stdout.write("\n" + json.dumps(measure(options)) + "\n")
        return 0
    if in_host.missing("memory"):
        return 1
    given = [f"--frames={options.frames}", f"--size={options.size}", f"--steps={options.steps}"]
    rows = {(one["way"], one["frames"]): one for one in in_host.answer(__file__, ["--inside", *given])}
    text = table(rows, options)
    RESULT.write_text(text)
    print(text)
    return int(grown(rows, "disk", options.size) > STATED)


def measure(options: argparse.Namespace) -> list[dict]:
    """Inside the host: both passes every way, each after a short clip that warms everything up."""
    in_host.on_cpu()
    with tempfile.TemporaryDirectory() as folder:
        passes = Passes(Path(folder), options)
        for way in WAYS:
            passes.run(way, 2 * WINDOW)
        return [passes.run(way, int(frames)) for frames in options.frames.split(",") for way in WAYS]


class Passes:
    """The model and the two ways through it, inside the host."""

    def __init__(self, folder: Path, options: argparse.Namespace):
        import folder_paths
        import torch

        torch.set_num_threads(1)
        folder_paths.set_temp_directory(str(folder))
        self.torch, self.folder, self.size = torch, folder, options.size
        model, (_, _, schedules) = windowed_model(torch), in_host.load_pack()
        condition = [[torch.randn(1, 77, 768), {}]]
        self.both = in_host.TwoPasses(model, schedules.ays("SD1", options.steps), condition)

    def run(self, way: str, frames: int) -> dict:
        """Both passes over a clip of that many frames, and what they took."""
        os.environ.pop("UNSAMPLING_RECORD_GIB", None)
        if WAYS[way] is not None:
            os.environ["UNSAMPLING_RECORD_GIB"] = WAYS[way]
        self.torch.manual_seed(0)
        clip = self.torch.randn(frames, 4, self.size, self.size)
        start = time.monotonic()
        with Peak(self.folder) as peak:
            result = self.both.core(clip) if way == "core" else self.both.ours(clip)
        lost = float((result - clip).norm() / clip.norm())
        if way != "core" and lost > 1e-6:
            raise SystemExit(f"{way} lost {lost:.2g} of the clip")
        return {
            "way": way,
            "frames": frames,
            "peak": peak.anonymous,
            "mapped": peak.mapped,
            "disk": peak.disk,
            "seconds": time.monotonic() - start,
            "left": len(list(self.folder.iterdir())),
        }


def windowed_model(torch):
    """A MODEL of SD1.5's kind in core's context windows, whose network is a formula."""
    from comfy_extras.nodes_context_windows import ContextWindowsManualNode

    def answer(_, given: dict):
        x, sigma = given["input"], given["timestep"].reshape(-1, 1, 1, 1)
        place = torch.linspace(-0.1, 0.1, len(x)).reshape(-1, 1, 1, 1)
        return x / (1 + sigma.square()) + place

    model = narrow_sd15()
    model.set_model_unet_function_wrapper(answer)
    return ContextWindowsManualNode.execute(
        model, WINDOW, OVERLAP, "standard_static", 1, False, "pyramid", 0, False
    ).result[0]


def grown(rows: dict, way: str, size: int) -> float:
    """How many latents of the clip the peak grows by from the shortest to the longest clip."""
    shortest, longest = (pick(frames for _, frames in rows) for pick in (min, max))
    more = rows[way, longest]["peak"] - rows[way, shortest]["peak"]
    return more / ((longest - shortest) * 4 * size * size * 4)


def table(rows: dict, options: argparse.Namespace) -> str:
    """The result as Markdown."""
    size = options.size
    latent = 4 * size * size * 4
    lines = [
        "# Memory: our two passes on long clips",
        "",
        f"`python -m benchmarks.memory --frames {options.frames} --size {size} --steps {options.steps}` on a"
        f" CPU, midpoint with record, context windows of {WINDOW} frames. A latent of a frame takes"
        f" {latent / 1024:.0f} KiB. Peaks are above what the process and the clip took before; `in latents`"
        " is the peak over the clip's size. Mapped pages are read from the record's files and can be dropped"
        f" by the system at any time. {origin()}.",
        "",
        "| frames | passes | peak MiB | in latents | mapped MiB | on disk MiB | files left | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (way, frames), one in rows.items():
        lines.append(
            f"| {frames} | {NAMES[way]} | {one['peak'] / MIB:.0f} |"
            f" {one['peak'] / latent / frames:.1f} | {one['mapped'] / MIB:.0f} |"
            f" {one['disk'] / MIB:.0f} | {one['left']} | {one['seconds']:.0f} |"
        )
    slopes = ", ".join(f"{NAMES[way]} {grown(rows, way, size):.1f}" for way in WAYS if way != "shipped")
    held = "holds" if grown(rows, "disk", size) <= STATED else "BROKEN"
    lines += [
        "",
        f"Latents by which the peak grows with the clip: {slopes}.",
        "",
        f"Stated: with the record on disk, at most {STATED} latents of the clip: {held}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
