"""A clip on a real network whose frames do not see each other, so that each shows what it was told alone."""

from __future__ import annotations

import torch
from host_graphs import Graph, Node
from host_trips import clip
from host_windows import defaults

FRAMES, STEPS = 6, 2
SOURCE, TARGET = "a man walks through a city", "an ink drawing of a man, cross-hatching"
WINDOWS = [  # of 4 frames that overlap by one
    "",
    "ADE_StandardStaticContextOptions",
    "ADE_StandardUniformContextOptions",
    "standard_uniform",
]


class Scene:
    """A clip, a network without a motion model, whose frames do not see each other, and its text encoder."""

    def __init__(self, comfy, name: str, windows: str = "", frames: int = FRAMES):
        self.comfy, self.name, self.frames = comfy, f"prompts-{name}", frames
        self.graph = Graph()
        base = self.graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("one_level"))
        self.model, self.clip = base, base[1]
        if windows:
            self.model = self._cut(windows)
        self.source = clip(frames, height=4, width=4)
        file = comfy.put_latent(f"{self.name}-clip", samples=self.source)
        self.latent = self.graph.add("UNSTest_LoadLatent", file=file)
        self.sigmas = self.graph.add("UNS_AYSScheduler", model_type="SD1", steps=STEPS, denoise=1.0)
        self.negative = self.text("")

    def _cut(self, windows: str) -> Node:
        sizes = {"context_length": 4, "context_overlap": 1}
        if windows.startswith("ADE"):
            given = defaults(self.comfy, windows) | sizes
            options = self.graph.add(windows, **given)
            how = {"beta_schedule": "use existing", "context_options": options}
            return self.graph.add("ADE_UseEvolvedSampling", model=self.model, **how)
        given = defaults(self.comfy, "ContextWindowsManual") | {"context_schedule": windows, "dim": 0}
        return self.graph.add("ContextWindowsManual", model=self.model, **given | sizes)

    def text(self, text: str) -> Node:
        return self.graph.add("CLIPTextEncode", clip=self.clip, text=text)

    def unsample(self, positive, **inputs) -> Node:
        given = {"cfg": 1.0, "solver": "midpoint", "direct": 0.0} | inputs
        return self.graph.add(
            "UNS_Unsampler",
            model=self.model,
            positive=positive,
            negative=self.negative,
            latent_image=self.latent,
            sigmas=self.sigmas,
            **given,
        )

    def resample(self, noise, positive, **inputs) -> Node:
        given = {"cfg": 1.0, "structure": 0.0} | inputs
        return self.graph.add(
            "UNS_NoiselessResampler",
            model=self.model,
            positive=positive,
            negative=self.negative,
            noise=noise,
            **given,
        )

    def run(self, **latents) -> dict[str, torch.Tensor]:
        for key, node in latents.items():
            self.graph.save(f"{self.name}-{key}", latent=node)
        self.comfy.run(self.graph.prompt)
        return {key: self.comfy.tensors(f"{self.name}-{key}")["samples"] for key in latents}

    def moved(self, samples: torch.Tensor, source: torch.Tensor | None = None) -> list[float]:
        """How far each frame is from the clip's, over its size."""
        source = self.source if source is None else source
        return ((samples - source).flatten(1).norm(dim=1) / source.flatten(1).norm(dim=1)).tolist()
