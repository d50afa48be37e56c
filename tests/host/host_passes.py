"""Graphs of the two passes over an exact model, in our nodes and in core's, as host tests compare them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import torch
from host_graphs import Graph, Node
from host_session import HostSession
from support_nodes.mixture import Mixture
from torch import Tensor

SOURCE, TARGET = 1.0, 2.0
EMPTY = 0.0


def two_hills() -> Mixture:
    """Each element of a frame near -1 or 1; the condition says how often which."""
    weights = torch.tensor([[0.5, 0.5], [0.7, 0.3], [0.2, 0.8]])
    return Mixture(
        values=torch.tensor([EMPTY, SOURCE, TARGET]),
        means=torch.tensor([-1.0, 1.0]).reshape(1, 2, 1, 1, 1).repeat(3, 1, 1, 1, 1),
        stds=torch.full((3, 2), 0.3),
        log_weights=weights.log(),
    )


@dataclass
class Bench:
    """A server, a clip on it, and a graph that has the exact model, the conditions and the clip."""

    comfy: HostSession
    graph: Graph
    model: Node
    clip: Tensor
    latent: Node
    log: str

    @classmethod
    def set_up(
        cls,
        comfy: HostSession,
        name: str,
        frames: int = 4,
        size: int = 8,
        model: Node | None = None,
        mixture: Mixture | None = None,
        **faults,
    ) -> Bench:
        mixture = mixture or two_hills()
        clip = mixture.sample(SOURCE, frames, (4, size, size), seed=1)
        graph = Graph()
        base = graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("one_level"))
        file = comfy.put_mixture(f"{name}-model", mixture)
        exact = graph.add("UNSTest_AnalyticModel", model=base, mixture=file, log=name, **faults)
        # SD1.5's latent scale: what nodes hand to each other is the sampler's latent over 0.18215
        stored = comfy.put_latent(f"{name}-clip", samples=clip / 0.18215)
        source = graph.add("UNSTest_LoadLatent", file=stored)
        return cls(comfy, graph, exact, clip, source, name)

    def condition(self, value: float) -> Node:
        return self.graph.add("UNSTest_Conditioning", value=value)

    def ays(self, steps: int = 16) -> Node:
        return self.graph.add("UNS_AYSScheduler", model_type="SD1", steps=steps, denoise=1.0)

    def sigmas(self, numbers: list[float]) -> Node:
        return self.graph.add("UNSTest_ManualSigmas", numbers=json.dumps(numbers))

    def unsample(self, sigmas: Node, cfg: float = 1.0, **inputs) -> Node:
        given = {
            "model": self.model,
            "positive": self.condition(SOURCE),
            "negative": self.condition(EMPTY),
            "latent_image": self.latent,
            "sigmas": sigmas,
            "cfg": cfg,
            "solver": "midpoint",
        } | inputs
        return self.graph.add("UNS_Unsampler", **given)

    def resample(self, noise: Node, cfg: float = 1.0, condition: float = SOURCE, **inputs) -> Node:
        given = {
            "model": self.model,
            "positive": self.condition(condition),
            "negative": self.condition(EMPTY),
            "noise": noise,
            "cfg": cfg,
            "structure": 0.0,
        } | inputs
        return self.graph.add("UNS_NoiselessResampler", **given)

    def core_sample(
        self, latent: Node, sigmas: Node, solver: str, cfg: float = 1.0, condition: float = SOURCE
    ) -> Node:
        positive, negative = self.condition(condition), self.condition(EMPTY)
        return self.graph.sample(self.model, positive, negative, latent, sigmas, cfg=cfg, solver=solver)

    def core_unsample(self, sigmas: Node, solver: str, cfg: float = 1.0) -> Node:
        return self.core_sample(self.latent, self.graph.add("FlipSigmas", sigmas=sigmas), solver, cfg)

    def through_core(self, solver: str, **conditions: Node) -> Node:
        """Up and down with a core SAMPLER in our advanced nodes.

        conditions: positive or negative in place of the bench's own.
        """
        given = {"positive": self.condition(SOURCE), "negative": self.condition(EMPTY)} | conditions
        guider = self.graph.add("CFGGuider", model=self.model, cfg=1.0, **given)
        sampler = self.graph.add("KSamplerSelect", sampler_name=solver)
        noise = self.graph.add(
            "UNS_UnsamplerAdvanced",
            guider=guider,
            latent_image=self.latent,
            sigmas=self.ays(),
            solver="midpoint",
            sampler=sampler,
        )
        return self.graph.add(
            "UNS_NoiselessResamplerAdvanced", guider=guider, noise=noise, structure=0.0, sampler=sampler
        )

    def custom(
        self, latent: Node, direction: str, sigmas: Node, solver: str = "midpoint", noise: bool = False
    ) -> Node:
        """One pass of our Inversion Sampler in core's SamplerCustom."""
        sampler = self.graph.add("UNS_InversionSampler", solver=solver, direction=direction)
        return self.graph.add(
            "SamplerCustom",
            model=self.model,
            add_noise=noise,
            noise_seed=0,
            cfg=1.0,
            positive=self.condition(SOURCE),
            negative=self.condition(EMPTY),
            sampler=sampler,
            sigmas=sigmas,
            latent_image=latent,
        )

    def run(self, **latents: Node) -> dict[str, Tensor]:
        """Runs the graph; the samples of each named latent."""
        for name, node in latents.items():
            self.graph.save(f"{self.log}-{name}", latent=node)
        self.comfy.run(self.graph.prompt)
        return {name: self.comfy.tensors(f"{self.log}-{name}")["samples"] for name in latents}

    def calls(self) -> list[dict]:
        """The model calls of the last run; none where it stopped before it made the model."""
        made = (self.comfy.output_dir / f"{self.log}.jsonl").exists()
        return self.comfy.calls(self.log) if made else []

    def error(self, samples: Tensor) -> float:
        """Relative distance of a result to the clip."""
        return float((samples * 0.18215 - self.clip).norm() / self.clip.norm())
