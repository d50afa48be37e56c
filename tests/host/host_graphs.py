"""API-format prompts written as calls: graph.add("KSamplerSelect", sampler_name="euler") is a node of one."""

from __future__ import annotations


class Node:
    """One node of a graph; node[i] is its output i, as another node's input wants it."""

    def __init__(self, node_id: str):
        self.id = node_id

    def __getitem__(self, output: int) -> list:
        return [self.id, output]


class Graph:
    """A prompt that grows; `prompt` is what a server queues. A Node given as an input means its output 0."""

    def __init__(self):
        self.prompt: dict[str, dict] = {}

    def add(self, class_type: str, **inputs) -> Node:
        """Add a node; inputs are widget values, nodes, or node[i]."""
        node = Node(str(len(self.prompt) + 1))
        links = {key: value[0] if isinstance(value, Node) else value for key, value in inputs.items()}
        self.prompt[node.id] = {"class_type": class_type, "inputs": links}
        return node

    def sample(
        self,
        model,
        positive,
        negative,
        latent,
        sigmas,
        *,
        cfg: float = 1.0,
        solver: str = "euler",
        noise: bool = False,
        seed: int = 0,
    ) -> Node:
        """Core's SamplerCustom, by default without noise, as unsampling with FlipSigmas uses it."""
        sampler = self.add("KSamplerSelect", sampler_name=solver)
        return self.add(
            "SamplerCustom",
            model=model,
            add_noise=noise,
            noise_seed=seed,
            cfg=cfg,
            positive=positive,
            negative=negative,
            sampler=sampler,
            sigmas=sigmas,
            latent_image=latent,
        )

    def save(self, name: str, **inputs) -> Node:
        """Save a latent, sigmas or images for `comfy.tensors(name)`."""
        return self.add("UNSTest_SaveTensors", name=name, **inputs)
