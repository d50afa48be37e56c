"""What a resampler has the browser say of a later run without a change: of each kind, what acts on it."""

from collections.abc import Callable

import pytest
from host_graphs import Node
from host_passes import EMPTY, TARGET, Bench

PATH, NO_PATH = {"direct": 0.5}, {"direct": 0.0}


def resampled(bench: Bench, cfg: float = 2.0, up: dict = PATH, **down) -> Node:
    return bench.resample(bench.unsample(bench.ays(), **up), cfg, TARGET, **down)


def advanced(bench: Bench, guider: Node, up: dict) -> Node:
    return bench.graph.add(
        "UNS_NoiselessResamplerAdvanced",
        guider=guider,
        noise=bench.unsample(bench.ays(), **up),
        structure=0.0,
    )


def unguided(bench: Bench, up: dict, positive: Node | None = None) -> Node:
    """Through a guider that has no negative, and so no cfg."""
    positive = positive or bench.condition(TARGET)
    return advanced(bench, bench.graph.add("BasicGuider", model=bench.model, conditioning=positive), up)


def guided_by_itself(bench: Bench, up: dict) -> Node:
    """As HunyuanVideo's template has it."""
    guidance = bench.graph.add("FluxGuidance", conditioning=bench.condition(TARGET), guidance=6.0)
    return unguided(bench, up, guidance)


def of_a_file(bench: Bench) -> Node:
    noise = bench.unsample(bench.ays(), **PATH)
    bench.graph.add("UNS_SaveNoise", noise=noise, filename_prefix=bench.log, precision="lossless")
    bench.comfy.run(bench.graph.prompt)
    (path,) = bench.comfy.output_dir.glob(f"{bench.log}*.safetensors")
    (bench.comfy.input_dir / path.name).write_bytes(path.read_bytes())
    return bench.resample(bench.graph.add("UNS_LoadNoise", file=path.name), 2.0, TARGET)


def from_elsewhere(bench: Bench) -> Node:
    latent = bench.core_unsample(bench.ays(), "euler")
    return bench.resample(latent, 2.0, TARGET, sigmas=bench.ays(), solver="euler")


def grid(bench: Bench, up: dict, structure: str = "0, 0.5") -> Node:
    base = bench.graph.add("CheckpointLoaderSimple", ckpt_name=bench.comfy.model("one_level"))
    text = bench.graph.add("CLIPTextEncode", clip=base[1], text="a man")
    noise = bench.unsample(bench.ays(2), model=base[0], positive=text, negative=text, **up)
    return bench.graph.add(
        "UNS_RestyleGrid",
        model=base[0],
        clip=base[1],
        negative=text,
        noise=noise,
        prompts="ink\noil",
        cfg="1, 2",
        structure=structure,
    )


def dual(bench: Bench) -> Node:
    conds = {"cond1": TARGET, "cond2": TARGET, "negative": EMPTY}
    given = {name: bench.condition(value) for name, value in conds.items()}
    how = {"cfg_conds": 2.0, "cfg_cond2_negative": 2.0, "style": "regular"}
    return advanced(bench, bench.graph.add("DualCFGGuider", model=bench.model, **given, **how), NO_PATH)


KINDS: dict[str, tuple[Callable[[Bench], Node], str]] = {
    "path": (resampled, "prompt, cfg or variation"),
    "no-path": (lambda bench: resampled(bench, up=NO_PATH), "prompt or cfg"),
    "path-off": (lambda bench: resampled(bench, direct=0.0), "prompt or cfg"),
    "all-path": (lambda bench: resampled(bench, up={"direct": 1.0}), "prompt or variation"),
    "source": (lambda bench: resampled(bench, structure=1.0), "structure"),
    "file": (of_a_file, "prompt or cfg"),
    "elsewhere": (from_elsewhere, "prompt or cfg"),
    "core": (lambda bench: bench.through_core("euler"), "prompt or cfg"),
    "dual": (dual, "prompt or cfg"),
    "guided": (lambda bench: guided_by_itself(bench, NO_PATH), "prompt or guidance"),
    "guided-path": (lambda bench: guided_by_itself(bench, PATH), "prompt, guidance or variation"),
    "unguided": (lambda bench: unguided(bench, NO_PATH), "prompt"),
    "grid": (lambda bench: grid(bench, PATH), "prompts, cfg or structure"),
    "grid-no-record": (lambda bench: grid(bench, {"record": "off"}, "0"), "prompts or cfg"),
    "grid-source": (lambda bench: grid(bench, PATH, "1"), "structure"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_names_what_acts_on_the_node(comfy, kind: str):
    make, acts = KINDS[kind]
    bench, said = Bench.set_up(comfy, f"nothing-new-{kind}"), {}
    node = make(bench)
    bench.graph.save(f"{bench.log}-clip", latent=node)

    def look(event: str, data: dict) -> None:
        if event == "unsampling.said":
            said[data["node"]] = data["same"]

    comfy.run(bench.graph.prompt, on_event=look)
    assert said.pop(node.id) == f"same settings, same clip: change the {acts}"
    assert set(said.values()) <= {""}  # of no other node
