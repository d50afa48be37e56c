"""Many restyles in one run over HTTP: each the resampler's bits, counted before, cancelled within, drawn as a
video."""

from __future__ import annotations

import json
import re

import pytest
import torch
from host_graphs import Graph, Node
from host_prompts import committed_prompt, saved_video, the
from host_session import HostSession

from demo.video import read_video
from tools.client import ClientError, InterruptedRun, RunError

PROMPTS = "ink drawing\na long oil painting of a man"
FRAMES, STEPS = 3, 2


class Scene:
    """A clip's noise by a small real model, whose text encoder tells prompts apart."""

    def __init__(self, comfy: HostSession, name: str, **up):
        self.comfy, self.name, self.graph = comfy, name, Graph()
        generator = torch.Generator().manual_seed(3)
        clip = torch.randn(FRAMES, 4, 8, 8, generator=generator) * 4
        self.base = self.graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("one_level"))
        file = comfy.put_latent(f"{name}-clip", samples=clip)
        self.latent = self.graph.add("UNSTest_LoadLatent", file=file)
        self.sigmas = self.graph.add("UNS_AYSScheduler", model_type="SD1", steps=STEPS, denoise=1.0)
        given = {"latent_image": self.latent, "sigmas": self.sigmas, "cfg": 1.0, "solver": "midpoint"}
        self.noise = self.graph.add(
            "UNS_Unsampler",
            model=self.base[0],
            positive=self.text("a man"),
            negative=self.text(""),
            **given | up,
        )

    def text(self, words: str) -> Node:
        return self.graph.add("CLIPTextEncode", clip=self.base[1], text=words)

    def grid(self, noise: Node | None = None, **given) -> Node:
        wanted = {"prompts": PROMPTS, "cfg": "1, 2.5", "structure": "0, 0.5, 1"} | given
        return self.graph.add(
            "UNS_RestyleGrid",
            model=self.base[0],
            clip=self.base[1],
            negative=self.text("blurry"),
            noise=noise or self.noise,
            **wanted,
        )

    def single(self, words: str, cfg: float, structure: float, noise: Node | None = None, **given) -> Node:
        inputs = {
            "model": self.base[0],
            "noise": noise or self.noise,
            "cfg": cfg,
            "structure": structure,
        } | given
        positive = inputs.pop("positive", None) or self.text(words)
        return self.graph.add(
            "UNS_NoiselessResampler", positive=positive, negative=self.text("blurry"), **inputs
        )

    def run(self, **latents: Node) -> dict[str, torch.Tensor]:
        for name, node in latents.items():
            self.graph.save(f"{self.name}-{name}", latent=node)
        self.comfy.run(self.graph.prompt)
        return {name: self.comfy.tensors(f"{self.name}-{name}")["samples"] for name in latents}


def watched(node: Node, seen: list):
    """Keeps the progress that a node shows: how far, and of how many."""

    def watch(kind: str, data: dict) -> None:
        if kind == "progress_state" and node.id in data["nodes"]:
            found = data["nodes"][node.id]
            if found["max"] > 1:
                seen.append((int(found["value"]), int(found["max"])))

    return watch


@pytest.mark.parametrize(
    "name, up, down, structures",
    [
        ("plain", {"direct": 0.0}, {}, (0.0, 1.0)),
        (
            "direct",
            {"direct": 0.5},
            {"direct": 0.25, "hold": 0.3, "steady": 0.2, "turn_lightness": "on"},
            (0.5, 1.0),
        ),
    ],
)
def test_each_cell_is_the_resamplers_to_the_bit(comfy, name, up, down, structures):
    scene = Scene(comfy, f"grid-{name}", **up)
    cells = [
        (words, cfg, structure)
        for words in PROMPTS.splitlines()
        for structure in structures
        for cfg in (1.0, 2.5)
    ]
    singles = {f"single-{i}": scene.single(*cell, **down) for i, cell in enumerate(cells)}
    grid = scene.grid(structure=", ".join(map(str, structures)), **down)
    found = scene.run(grid=grid, **singles)
    clips = found["grid"].split(FRAMES)
    assert len(clips) == len(cells) == 8
    for i, clip in enumerate(clips):
        assert torch.equal(clip, found[f"single-{i}"])
    assert not torch.equal(clips[0], clips[1]) and not torch.equal(clips[0], clips[4])
    # the source itself, which costs nothing
    assert torch.equal(clips[2], clips[7])


def test_the_calls_are_said_before_the_first_and_the_progress_is_the_grids(comfy):
    scene, begin, seen = Scene(comfy, "grid-said", direct=0.0), len(comfy.log_text()), []
    changed = scene.graph.add("LatentMultiply", samples=scene.noise, multiplier=1.02)
    grid = scene.grid(changed, structure="0, 0.01, 1")
    scene.graph.save("grid-said", latent=grid)

    comfy.run(scene.graph.prompt, on_event=watched(grid, seen))
    said = comfy.log_text()[begin:]
    # the steps and the call at the noise, twice a prompt and cfg; the source itself takes none
    total = 2 * 2 * 2 * (STEPS + 1)
    first = said.index(f"12 restyles, {total} model calls, 36 KiB of latents")
    assert first < said.index("restyle 1 of 12 (cfg 1, structure 0): resampling, 3 model calls")
    assert "restyle 12 of 12 (cfg 2.5, structure 1): resampled in 0 model calls" in said
    last = re.search(rf"Unsampling: 12 restyles, {total} model calls(.*)", said[first + 10 :])
    assert last and "; the noise was changed since: not exact (in 8 of them)" in last[1]
    assert "structure starts from the record" in last[1] and "(in 4 of them)" in last[1]
    assert seen and {most for _, most in seen} == {total}
    assert [value for value, _ in seen] == sorted(value for value, _ in seen) and seen[-1][0] == total


def test_a_mix_a_slice_and_noise_from_elsewhere_are_taken_too(comfy):
    scene = Scene(comfy, "grid-other", direct=0.5)
    few = {"cfg": "2", "structure": "0", "prompts": "ink drawing"}
    mixed = scene.graph.add("UNS_MixNoise", noise=scene.noise, amount=0.3, mode="fresh noise", seed=1)
    cut = scene.graph.add("LatentFromBatch", samples=scene.noise, batch_index=1, length=2)
    plain = scene.graph.add(
        "UNSTest_LoadLatent", file=comfy.put_latent("grid-noise", samples=80 * torch.randn(2, 4, 8, 8))
    )
    found = scene.run(
        mixed=scene.grid(mixed, **few), mixed_one=scene.single("ink drawing", 2.0, 0.0, mixed),
        cut=scene.grid(cut, **few), cut_one=scene.single("ink drawing", 2.0, 0.0, cut),
        plain=scene.grid(plain, sigmas=scene.sigmas, **few),
        plain_one=scene.single("ink drawing", 2.0, 0.0, plain, sigmas=scene.sigmas),
    )  # fmt: skip
    for name in ("mixed", "cut", "plain"):
        assert torch.equal(found[name], found[f"{name}_one"])


def test_prompts_get_what_the_positive_carries(comfy):
    """Here an area of the picture, as ControlNet and hooks are carried too."""
    scene = Scene(comfy, "grid-area", direct=0.0)

    def area(words: str) -> Node:
        given = {"width": 1.0, "height": 0.5, "x": 0.0, "y": 0.0, "strength": 0.5}
        return scene.graph.add("ConditioningSetAreaPercentage", conditioning=scene.text(words), **given)

    few = {"cfg": "2", "structure": "0", "prompts": "ink drawing"}
    found = scene.run(
        grid=scene.grid(positive=area("something else"), **few),
        one=scene.single("", 2.0, 0.0, positive=area("ink drawing")),
        without=scene.grid(**few),
    )
    assert torch.equal(found["grid"], found["one"]) and not torch.equal(found["grid"], found["without"])


@pytest.mark.parametrize(
    "given, words",
    [
        ({"prompts": " \n"}, "prompts is empty; write the looks to compare, one a line"),
        ({"cfg": "1; two"}, "cfg has two in it, which is no number"),
        ({"cfg": "2, -1"}, "cfg is -1; set it to 0 or above"),
        ({"structure": "0, 2"}, "structure is 2; set it between 0 and 1"),
        ({"direct": 0.9}, "and the record has the source's answers for 0; lower direct here"),
    ],
)
def test_what_cannot_be_restyled_is_refused_before_the_first_call(comfy, given, words):
    scene, begin = Scene(comfy, "grid-refused"), len(comfy.log_text())
    noise = 80 * torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    plain = scene.graph.add("UNSTest_LoadLatent", file=comfy.put_latent("grid-plain", samples=noise))
    with pytest.raises((ClientError, RunError)) as refused:
        scene.run(grid=scene.grid(plain, sigmas=scene.sigmas, **{"structure": "0"} | given))
    assert f"Restyle Grid: {words}" in str(refused.value) or words in str(refused.value)
    assert "resampl" not in comfy.log_text()[begin:]


def test_cancel_ends_the_grid_within_a_call(comfy):
    scene = Scene(comfy, "grid-cancelled", direct=0.0)
    grid = scene.grid(prompts="\n".join(f"look {i}" for i in range(12)), structure="0")
    scene.graph.save("grid-cancelled", latent=grid)
    seen, stopped = [], []
    look = watched(grid, seen)

    def watch(kind, data):
        look(kind, data)
        if len(seen) >= 7 and not stopped:
            stopped.append(seen[-1][0])
            comfy.client.interrupt()

    with pytest.raises(InterruptedRun):
        comfy.run(scene.graph.prompt, on_event=watch)
    # what had been asked when the word was sent, and the little that was under way
    assert stopped and seen[-1][0] <= stopped[0] + 10 < 120
    assert not (comfy.output_dir / "grid-cancelled.safetensors").exists()


def test_the_template_makes_a_labelled_video_of_saved_noise(comfy, tmp_path):
    scene = Scene(comfy, "grid-template", direct=-1.0)
    scene.graph.add(
        "UNS_SaveNoise", noise=scene.noise, filename_prefix="unsampling/noise", precision="lossless"
    )
    comfy.run(scene.graph.prompt)
    prompt = json.loads(json.dumps(committed_prompt("restyle_saved_noise")))
    for gone in ("ADE_LoadAnimateDiffModel", "ADE_ApplyAnimateDiffModelSimple"):
        prompt = {key: node for key, node in prompt.items() if node["class_type"] != gone}
    the(prompt, "ADE_UseEvolvedSampling").pop("m_models")
    the(prompt, "CheckpointLoaderSimple")["ckpt_name"] = comfy.model("one_level")
    the(prompt, "VAELoader")["vae_name"] = comfy.model("vae")
    begin = len(comfy.log_text())
    entry = comfy.run(prompt)
    frames, fps = read_video(saved_video(comfy, entry, tmp_path))
    assert len(frames) == FRAMES and fps == 12
    assert frames.shape[1:3][1] > 2 * 320 and frames.shape[1] > 3 * 320
    said = comfy.log_text()[begin:]
    assert re.search(r"6 restyles, \d+ model calls", said) and "unsampling to sigma" not in said
    assert re.search(r"6 clips of 3 frames, \d+ x \d+ pixels: [\d.]+ MiB", said)


@pytest.mark.parametrize("labels, words", [("", "labels is empty"), ("a\nb", "which do not divide them")])
def test_a_grid_without_fitting_labels_is_refused(comfy, labels, words):
    graph = Graph()
    image = graph.add("EmptyImage", width=64, height=64, batch_size=3, color=0)
    grid = graph.add("UNS_LabelledGrid", clips=image, labels=labels, columns=0, width=64)
    graph.add("PreviewImage", images=grid)
    with pytest.raises((ClientError, RunError)) as refused:
        comfy.run(graph.prompt)
    assert "Labelled Grid: " in str(refused.value) and words in str(refused.value)
