"""Core's MultiGPU CFG Split: prompt and negative are answered by two networks at once. There is one CPU here,
and so two networks on it under two names; everything else is core's own way, threads included.
"""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from host_graphs import Node
from host_scenes import FRAMES, SOURCE, TARGET, WINDOWS, Scene
from host_session import HostSession
from test_host_experts import Pair

CFG = 2.0  # at 1 there is no negative, and nothing to split

# what a network is asked at once. AnimateDiff-Evolved gives each whole windows, prompt and negative together;
# newer cores put the first frame before a window that begins later
ROWS = {WINDOWS[2]: {8}, WINDOWS[3]: {4, 5}}


def asked(comfy: HostSession, log: str) -> dict[str, Counter]:
    """How often each network was asked at each sigma."""
    found = {"main": Counter(), "clone": Counter()}
    for call in comfy.calls(log):
        found[call["network"]][call["sigma"]] += 1
    return found


def clear(comfy: HostSession, log: str) -> None:
    (comfy.output_dir / f"{log}.jsonl").unlink(missing_ok=True)


def controlled(scene: Scene, positive: Node) -> Node:
    """A ControlNet on both sides, of which core makes a clone for the other network."""
    net = scene.graph.add("ControlNetLoader", control_net_name=scene.comfy.model("controlnet_one_level"))
    image = scene.graph.add("EmptyImage", width=64, height=64, batch_size=1, color=0x4080C0)
    given = {"strength": 0.6, "start_percent": 0.0, "end_percent": 0.7}
    both = {"positive": positive, "negative": scene.negative, "control_net": net, "image": image}
    return scene.graph.add("ControlNetApplyAdvanced", **both, **given)


@pytest.mark.parametrize("kind", ["plain", WINDOWS[2], WINDOWS[3], "ControlNet"])
def test_it_comes_back_through_two_networks(comfy, kind):
    comfy.needs("MultiGPU_WorkUnits")
    name = f"split-{kind}"
    clear(comfy, name)
    scene = Scene(comfy, name, kind if kind in WINDOWS else "")
    whole, texts = scene.model, [scene.text(SOURCE), scene.text(TARGET)]
    if kind == "ControlNet":
        hinted = [controlled(scene, text) for text in texts]
        texts, scene.negative = [one[0] for one in hinted], hinted[0][1]
    noise = {}
    for part, model in (
        ("whole", whole),
        ("split", scene.graph.add("UNSTest_SplitModel", model=whole, log=name)),
    ):
        scene.model = model
        noise[part] = scene.unsample(texts[0], cfg=CFG, direct=0.5)
    back = scene.resample(noise["split"], texts[0], cfg=CFG)
    found = scene.run(back=back, edit=scene.resample(noise["split"], texts[1], cfg=CFG), **noise)
    assert torch.equal(found["back"], scene.source)
    assert min(scene.moved(found["edit"])) > 1e-3
    # two networks of the same weights answer as one does, but for what a batch of both rounds otherwise
    assert torch.allclose(found["split"], found["whole"], rtol=1e-3, atol=1e-2)
    counts = asked(comfy, name)
    assert counts["main"] and counts["main"] == counts["clone"]
    assert {call["rows"] for call in comfy.calls(name)} <= ROWS.get(kind, {FRAMES})


def test_two_experts_that_are_split_come_back(comfy):
    comfy.needs("MultiGPU_WorkUnits")
    pair, logs = Pair(comfy, "split-experts"), ("split-high", "split-low")
    for name, log in zip(("high", "low"), logs, strict=True):
        clear(comfy, log)
        setattr(pair, name, pair.graph.add("UNSTest_SplitModel", model=getattr(pair, name), log=log))
    noise = pair.up(guider=pair.guider(cfg=CFG), direct=0.5)
    found = pair.run(back=pair.down(noise, pair.guider(cfg=CFG)), noise=noise)
    assert pair.error(found["back"]) < 1e-6 < 0.5 < pair.error(found["noise"])
    for log, above in zip(logs, (True, False), strict=True):
        counts = asked(comfy, log)
        assert counts["main"] and counts["main"] == counts["clone"]
        assert all((sigma >= pair.border) == above for sigma in counts["main"])
        # and neither network of the other expert is there meanwhile
        assert all(logs[above] not in call["loaded"] for call in comfy.calls(log))
