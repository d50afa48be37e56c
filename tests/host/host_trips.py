"""A clip's way up and down through a real network, and what each such trip has to show."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from host_graphs import Graph, Node
from host_session import RUN_S, HostSession

EXACT = 1e-6


def clip(
    frames: int = 4, channels: int = 4, height: int = 8, width: int = 8, scale: float = 0.18215
) -> torch.Tensor:
    """Latents like an encoded video's, in the VAE's scale: frames that drift apart."""
    generator = torch.Generator().manual_seed(5)
    noise = torch.randn(frames + 1, channels, height, width, generator=generator)
    return (noise[:1] + 0.3 * noise[1:]) * 0.8 / scale


class Trip:
    """A clip's way up and down through a MODEL, and up and down to another prompt.

    `condition` adds the node that makes a CONDITIONING of a value to the graph. edit: False spares a large
    network the other prompt.
    """

    def __init__(
        self,
        comfy: HostSession,
        name: str,
        graph: Graph,
        model: Node,
        condition: Callable[..., Node],
        sigmas: Node,
        solver: str,
        source: torch.Tensor,
        direct: float = 0.0,
        edit: bool = True,
    ):
        self.comfy, self.name, self.source = comfy, name, source
        self.ways = [("back", 1.0, 1.0), ("edit", -2.0, 2.0)][: 2 if edit else 1]
        latent = graph.add("UNSTest_LoadLatent", file=comfy.put_latent(f"{name}-clip", samples=source))
        first, empty = (condition(value=value) for value in (1.0, 0.0))
        noise = graph.add(
            "UNS_Unsampler",
            model=model,
            positive=first,
            negative=empty,
            latent_image=latent,
            sigmas=sigmas,
            cfg=1.0,
            solver=solver,
            direct=direct,
        )
        down = {
            key: graph.add(
                "UNS_NoiselessResampler",
                model=model,
                positive=first if value == 1 else condition(value=value),
                negative=empty,
                noise=noise,
                cfg=cfg,
                structure=0.0,
            )
            for key, value, cfg in self.ways
        }
        graph.save(f"{name}-sigmas", sigmas=sigmas)
        for key, node in ({"noise": noise} | down).items():
            graph.save(f"{name}-{key}", latent=node)
        comfy.run(graph.prompt, timeout=RUN_S if edit else 550)

    def __getitem__(self, key: str) -> torch.Tensor:
        return self.comfy.tensors(f"{self.name}-{key}")["samples"]

    @property
    def sigmas(self) -> torch.Tensor:
        """The schedule that both passes took."""
        return self.comfy.tensors(f"{self.name}-sigmas")["sigmas"]

    def moved(self, key: str) -> float:
        """How far the noise, or what came of it, is from the clip, over the clip's size."""
        assert self[key].shape == self.source.shape
        return float((self[key] - self.source).norm() / self.source.norm())

    def check(self, top: float) -> None:
        """Up to the top, finite, back exactly, and elsewhere with another prompt."""
        assert float(self.sigmas[0]) == pytest.approx(top, rel=2e-3)
        keys = [key for key, *_ in self.ways]
        assert all(self[key].isfinite().all() for key in ("noise", *keys))
        assert self.moved("back") < EXACT
        assert self.moved("noise") > 1
        assert "edit" not in keys or self.moved("edit") > 1e-3
