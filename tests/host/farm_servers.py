"""Two ComfyUIs and a workflow whose model sleeps and answers exactly, for batches over both."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
from comfy_server import ComfyServer
from host_graphs import Graph
from host_passes import two_hills
from host_session import HostSession, started

from demo.video import write_video

MIXTURE = "farm-mixture.safetensors"
STYLES = {f"cfg{cfg}": {"settings": {"resample.cfg": cfg}} for cfg in (1, 2, 3)}


@contextmanager
def servers(base: Path, count: int = 2) -> Iterator[list[HostSession]]:
    """Sessions of so many servers, each on folders of its own, with one model in all."""
    made = [ComfyServer(base / f"server{i}", ("ours", "support")) for i in range(count)]
    # on Linux a server ends with the thread that started it: these threads stay until the end
    over, ready = threading.Event(), [threading.Event() for _ in made[1:]]
    for one, event in zip(made[1:], ready, strict=True):
        threading.Thread(target=_keep, args=(one, event, over), daemon=True).start()
    first = started(lambda: made[0])
    try:
        for event in ready:
            event.wait()
        sessions = [first, *(HostSession(one) for one in made[1:])]
        name = first.model("one_level")
        for one in sessions:
            two_hills().save(one.input_dir / MIXTURE)
            if one is not first:
                (one.models_dir / "checkpoints" / name).symlink_to(first.models_dir / "checkpoints" / name)
        yield sessions
    finally:
        over.set()
        for one in made:
            one.stop()
        shutil.rmtree(base, ignore_errors=True)


def _start(server: ComfyServer) -> None:
    if not server.alive:
        server.start()


def _keep(server: ComfyServer, ready: threading.Event, over: threading.Event) -> None:
    try:
        _start(server)
    finally:
        ready.set()
    over.wait()


def alive(sessions: list[HostSession]) -> list[HostSession]:
    """The sessions, with servers that were killed running again."""
    for session in sessions:
        _start(session.server)
    return sessions


def workflow(checkpoint: str, delay_s: float, steps: int = 3) -> dict:
    """An API prompt: a film restyled by an exact model that sleeps in each call."""
    graph = Graph()
    film = graph.add("LoadVideo", file="your_clip.mp4")
    frames = graph.add(
        "UNS_VideoFrames",
        video=film,
        megapixels=0.01,
        every_nth=1,
        max_frames=0,
        multiple_of=8,
        repeat_last=0,
    )
    base = graph.add("CheckpointLoaderSimple", ckpt_name=checkpoint)
    model = graph.add("UNSTest_AnalyticModel", model=base, mixture=MIXTURE, log="farm", delay_s=delay_s)
    source, look, empty = (graph.add("UNSTest_Conditioning", value=value) for value in (1.0, 2.0, 0.0))
    latent = graph.add("VAEEncode", pixels=frames, vae=base[2])
    sigmas = graph.add("UNS_AYSScheduler", model_type="SD1", steps=steps, denoise=1.0)
    up = {"model": model, "positive": source, "negative": empty, "latent_image": latent, "sigmas": sigmas}
    noise = graph.add("UNS_Unsampler", cfg=1.0, solver="midpoint", **up)
    down = {"model": model, "positive": look, "negative": empty, "noise": noise}
    restyled = graph.add("UNS_NoiselessResampler", cfg=2.0, structure=0.0, **down)
    images = graph.add("VAEDecode", samples=restyled, vae=base[2])
    video = graph.add("CreateVideo", images=images, fps=frames[2])
    graph.add("SaveVideo", video=video, filename_prefix="farm", format="auto", codec="auto")
    graph.prompt[restyled.id]["_meta"] = {"title": "resample"}
    return graph.prompt


def write_batch(folder: Path, prompt: dict, clips: int = 4, frames: int = 4, **more) -> Path:
    """Clips, a workflow and a list of jobs: clips x STYLES."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(clips):
        shape = (frames, 64, 64, 3)
        pictures = np.random.default_rng(number).integers(0, 60, shape, np.uint8) + np.uint8(60 * number)
        write_video(folder / f"clip{number}.mp4", pictures, Fraction(8))
    (folder / "workflow.json").write_text(json.dumps(prompt))
    names = [f"clip{number}.mp4" for number in range(clips)]
    told = {"workflow": "workflow.json", "clips": names, "styles": STYLES}
    (folder / "jobs.yaml").write_text(json.dumps(told | more))
    return folder / "jobs.yaml"
