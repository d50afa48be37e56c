"""Two experts as one guider on a real server: which is asked, how often each is loaded, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import pytest
import torch
from family_models import family_model
from host_graphs import Graph, Node
from host_passes import EMPTY, SOURCE, TARGET
from host_prompts import committed_prompt, node_id, on_small_wan, save_latent, saved_video, the
from host_session import HostSession
from host_trips import clip
from host_windows import defaults

from demo.video import pan_over_photograph, read_video, write_video

SHIFT, STEPS, BORDER = 8.0, 6, 0.875
# simple with a shift of 8: 1, 0.976, 0.941, 0.889, 0.8, 0.615, 0
INSIDE = [("midpoint", "full"), ("midpoint", "half"), ("euler", "full"), ("dpmpp_2m", "full")]
PLAIN = [("midpoint", "off"), ("euler", "off"), ("ees25", "full")]
EXACT = 1e-6


def wan_source(frames: int = 3) -> torch.Tensor:
    return clip(frames, 16, 8, 12, 1.0).movedim(0, 1)[None]


@dataclass
class Pair:
    """A graph with two Wan models of other seeds, each watched, and the passes through both."""

    comfy: HostSession
    name: str
    source: torch.Tensor = field(default_factory=wan_source)
    border: float = BORDER
    more: dict = field(default_factory=dict)

    def __post_init__(self):
        self.graph = Graph()
        (self.comfy.output_dir / f"{self.name}.jsonl").unlink(missing_ok=True)
        self.high, self.low = (self.expert(kind) for kind in ("wan", "wan_low"))
        self.sigmas = self.graph.add(
            "BasicScheduler", model=self.high, scheduler="simple", steps=STEPS, denoise=1.0
        )
        stored = self.comfy.put_latent(f"{self.name}-clip", samples=self.source)
        self.latent = self.graph.add("UNSTest_LoadLatent", file=stored)

    def expert(self, kind: str) -> Node:
        file = family_model(self.comfy.models_dir, kind)
        loaded = self.graph.add("UNETLoader", unet_name=file, weight_dtype="default")
        shifted = self.graph.add("ModelSamplingSD3", model=loaded, shift=SHIFT)
        name = "high" if kind == "wan" else "low"
        return self.graph.add("UNSTest_WatchedExpert", model=shifted, name=name, log=self.name)

    def text(self, value: float) -> Node:
        return self.graph.add("UNSTest_TokensConditioning", tokens=10, width=768, value=value)

    def guider(self, value: float = SOURCE, cfg: float = 1.0, **more) -> Node:
        given = {
            "high_model": self.high,
            "low_model": self.low,
            "positive": self.text(value),
            "negative": self.text(EMPTY),
            "cfg": cfg,
            "border": self.border,
        }
        return self.graph.add("UNS_ExpertsBySigma", **given | self.more | more)

    def up(self, solver: str = "midpoint", guider: Node | None = None, **more) -> Node:
        given = {"latent_image": self.latent, "sigmas": self.sigmas, "solver": solver} | more
        return self.graph.add("UNS_UnsamplerAdvanced", guider=guider or self.guider(), **given)

    def down(self, noise: Node, guider: Node | None = None, **more) -> Node:
        given = {"noise": noise, "structure": 0.0} | more
        return self.graph.add("UNS_NoiselessResamplerAdvanced", guider=guider or self.guider(), **given)

    def run(self, **latents: Node) -> dict[str, torch.Tensor]:
        for name, node in latents.items():
            self.graph.save(f"{self.name}-{name}", latent=node)
        self.comfy.run(self.graph.prompt)
        return {name: self.comfy.tensors(f"{self.name}-{name}")["samples"] for name in latents}

    def error(self, samples: torch.Tensor) -> float:
        return float((samples - self.source).norm() / self.source.norm())

    def said(self, before: int) -> str:
        return self.comfy.log_text()[before:]


def check_experts(events: list[dict], border: float) -> None:
    """Each call went to the expert of its sigma, while no other network was loaded."""
    calls = [one for one in events if one["event"] == "call"]
    assert calls
    for call in calls:
        assert call["expert"] == ("high" if call["sigma"] >= border - 1e-7 else "low"), call
        assert call["loaded"] == 1, call


def counts(events: list[dict], event: str) -> dict[str, int]:
    return {
        name: sum((one["expert"], one["event"]) == (name, event) for one in events)
        for name in ("high", "low")
    }


def turns(events: list[dict]) -> list[tuple[str, list[float]]]:
    """Each run of an expert's guider, in their order: whose, and the sigmas that it was asked at."""
    found: list[tuple[str, list[float]]] = []
    for one in events:
        if one["event"] == "run":
            found.append((one["expert"], []))
        elif one["event"] == "call":
            found[-1][1].append(one["sigma"])
    return found


def check_loads(events: list[dict], passes: int) -> None:
    """Each expert is run once a pass, and moved at most once: the last of the way up stays for the next."""
    for name in ("high", "low"):
        assert counts(events, "run")[name] == counts(events, "cleanup")[name] == passes
        assert 1 <= counts(events, "load")[name] <= passes or name == "low"
    assert sum(counts(events, "load").values()) <= 2 * passes - 1


@pytest.mark.parametrize("how", [{"structure": 0.1}, {"direct": 0.2}, {}], ids=str)
def test_looking_for_a_turned_lightness_brings_no_expert_twice(comfy, how):
    pair = Pair(comfy, "experts-look")
    noise, auto = pair.up(direct=0.9), {"turn_lightness": "auto"} | how
    other = pair.down(noise, pair.guider(TARGET), **auto)
    assert pair.error(pair.run(back=pair.down(noise, **auto), other=other)["back"]) < EXACT
    events = comfy.calls("experts-look")
    check_experts(events, BORDER)
    check_loads(events, 3)
    assert [name for name, _ in turns(events)] == ["low", "high", "high", "low", "high", "low"]


@pytest.mark.parametrize("direct", [0.0, 0.7, -1.0])
@pytest.mark.parametrize("solver, record", INSIDE)
def test_the_round_trip_is_exact_and_each_expert_is_loaded_once_a_pass(comfy, solver, record, direct):
    pair = Pair(comfy, "experts")
    noise = pair.up(solver, record=record, direct=direct)
    made = pair.run(noise=noise, back=pair.down(noise))
    events = comfy.calls("experts")
    check_experts(events, BORDER)
    check_loads(events, 2)
    risen, fallen = turns(events)[:2], turns(events)[2:]
    assert [name for name, _ in risen] == ["low", "high"]
    assert [name for name, _ in fallen] == ["high", "low"]
    for (name, up), (other, down) in zip(risen, fallen[::-1], strict=True):
        assert name == other and set(down) <= set(up)
    # the source itself, which the record keeps, on the same way out of the sampler's scale
    found = pair.run(source=pair.down(noise, structure=1.0))
    assert torch.equal(made["back"], found["source"]) and pair.error(made["back"]) < EXACT
    assert float((made["noise"] - pair.source).norm() / pair.source.norm()) > 0.5


@pytest.mark.parametrize("solver, record", PLAIN)
def test_without_a_record_each_is_still_loaded_once_a_pass(comfy, solver, record):
    pair = Pair(comfy, "experts-plain")
    noise = pair.up(solver, record=record)
    found = pair.run(noise=noise, back=pair.down(noise))
    events = comfy.calls("experts-plain")
    check_experts(events, BORDER)
    check_loads(events, 2)
    assert [name for name, _ in turns(events)] == ["low", "high", "high", "low"]
    assert found["back"].isfinite().all() and pair.error(found["back"]) > EXACT


@pytest.mark.parametrize("schedule", ["standard_static", "standard_uniform"])
@pytest.mark.parametrize("solver", ["midpoint", "euler"])
@pytest.mark.parametrize("on", ["both", "low"])
def test_context_windows_of_each_expert(comfy, schedule, solver, on):
    """On one alone, the other sees the whole clip."""
    pair = Pair(comfy, "experts-windows", wan_source(7))
    given = defaults(comfy, "ContextWindowsManual") | {"context_schedule": schedule, "dim": 2}
    given |= {"context_length": 4, "context_overlap": 2}
    for name in ("high", "low") if on == "both" else ("low",):
        setattr(pair, name, pair.graph.add("ContextWindowsManual", model=getattr(pair, name), **given))
    noise = pair.up(solver, direct=0.5)
    found = pair.run(back=pair.down(noise), edit=pair.down(noise, pair.guider(TARGET, 2.0)))
    assert pair.error(found["back"]) < EXACT < pair.error(found["edit"])
    events = [one for one in comfy.calls("experts-windows") if one["event"] == "call"]
    longest = {
        name: max(one["frames"] for one in events if one["expert"] == name) for name in ("high", "low")
    }
    # newer cores put the first frame before a window that begins later
    assert longest["low"] in (4, 5) and longest["high"] == (longest["low"] if on == "both" else 7)


def test_an_edit_asks_the_same_experts(comfy):
    """Also with structure, cfg of each its own, and from a direct path."""
    pair = Pair(comfy, "experts-edit")
    noise = pair.up(direct=-1.0, guider=pair.guider(cfg=1.5, low_cfg=1.0))
    found = {}
    for structure in (0.0, 0.4, 0.9):
        guider = pair.guider(TARGET, cfg=3.0, low_cfg=2.0)
        found[f"edit{structure}"] = pair.down(noise, guider, structure=structure)
    made = pair.run(back=pair.down(noise, pair.guider(cfg=1.5, low_cfg=1.0)), **found)
    events = comfy.calls("experts-edit")
    check_experts(events, BORDER)
    assert counts(events, "run") == {"high": 4, "low": 5}  # at structure 0.9 the high one is not needed
    assert pair.error(made.pop("back")) < EXACT
    errors = [pair.error(made[f"edit{structure}"]) for structure in (0.0, 0.4, 0.9)]
    assert errors[0] > errors[1] > errors[2] > 1e-4


@pytest.mark.parametrize(
    "border, asked, words",
    [
        (1.5, "low", "the high-noise model is never asked: border 1.5 lies above all sigmas"),
        (0.01, "high", "the low-noise model is never asked: border 0.01 lies below all sigmas"),
    ],
)
def test_a_border_outside_the_schedule_is_told(comfy, border, asked, words):
    pair = Pair(comfy, "experts-outside", border=border)
    before, noise = len(comfy.log_text()), pair.up()
    found = pair.run(back=pair.down(noise))
    events = comfy.calls("experts-outside")
    assert {one["expert"] for one in events} == {asked}
    assert pair.said(before).count(words) == 1
    assert pair.error(found["back"]) < EXACT


@pytest.mark.parametrize("solver", ["midpoint", "euler"])
def test_a_border_in_the_last_step_is_inside_the_schedule(comfy, solver):
    """Whose lowest sigma is 0.616: below it the way up asks, once or twice."""
    pair = Pair(comfy, "experts-last", border=0.5)
    before, noise = len(comfy.log_text()), pair.up(solver, direct=0.0)
    found = pair.run(back=pair.down(noise))
    events = comfy.calls("experts-last")
    check_experts(events, 0.5)
    assert counts(events, "call")["low"] >= 1 and "never asked" not in pair.said(before)
    assert pair.error(found["back"]) < EXACT


@pytest.mark.parametrize("border", [0.8, 0.889, 1.0])
def test_a_border_at_a_sigma_is_the_high_models(comfy, border):
    """0.8 and 0.889 of the schedule are float32, a little off what is typed."""
    pair = Pair(comfy, "experts-at", border=border)
    noise = pair.up("euler", direct=0.0)
    pair.graph.save("experts-at-sigmas", sigmas=pair.sigmas)
    found = pair.run(back=pair.down(noise))
    events = comfy.calls("experts-at")
    sigmas = comfy.tensors("experts-at-sigmas")["sigmas"]
    at = float(torch.tensor(border))
    for one in events:
        if one["event"] == "call":
            assert one["expert"] == ("high" if one["sigma"] >= at else "low")
    assert float(sigmas[0]) == 1.0 and pair.error(found["back"]) < EXACT


def lowered(comfy, folder, frames: int) -> dict:
    """The workflow's prompt with small models, a short clip and few steps."""
    prompt, clip_file = committed_prompt("unsampling_wan22_video"), folder / f"{frames}.mp4"
    write_video(clip_file, pan_over_photograph(frames, 67, 101), Fraction(16))
    on_small_wan(comfy, prompt, clip_file)
    files = {"high": "wan", "low": "wan_low"}
    for node in prompt.values():
        if node["class_type"] == "UNETLoader":
            (noise,) = [noise for noise in files if f"{noise}_noise" in node["inputs"]["unet_name"]]
            node["inputs"]["unet_name"] = family_model(comfy.models_dir, files[noise])
    unsampler = the(prompt, "UNS_UnsamplerAdvanced")
    prompt["again"] = {"class_type": "UNSTest_Again", "inputs": {"latent": unsampler["latent_image"]}}
    unsampler["latent_image"] = ["again", 0]
    return prompt


def watched(prompt: dict, name: str) -> None:
    """Watches both models of both guiders, and comes back to the source beside the restyle."""
    guiders = [node["inputs"] for node in prompt.values() if node["class_type"] == "UNS_ExpertsBySigma"]
    for side in ("high", "low"):
        given = {"model": guiders[0][f"{side}_model"], "name": side, "log": name}
        prompt[f"watch-{side}"] = {"class_type": "UNSTest_WatchedExpert", "inputs": given}
        for guider in guiders:
            guider[f"{side}_model"] = [f"watch-{side}", 0]
    source = the(prompt, "UNS_UnsamplerAdvanced")
    inputs = the(prompt, "UNS_NoiselessResamplerAdvanced") | {"guider": source["guider"]}
    prompt["back"] = {"class_type": "UNS_NoiselessResamplerAdvanced", "inputs": inputs}
    save_latent(prompt, f"{name}-back", "back")
    save_latent(prompt, f"{name}-source", source["latent_image"][0])


@pytest.mark.parametrize("frames", [1, 6, 9])
def test_the_workflow_gives_as_many_frames_as_it_got_and_the_same_bytes_again(comfy, tmp_path, frames):
    prompt = lowered(comfy, tmp_path, frames)
    save_latent(prompt, "experts-clip", node_id(prompt, "UNS_NoiselessResamplerAdvanced"))
    made = []
    for _ in range(2):
        found, fps = read_video(saved_video(comfy, comfy.run(prompt), tmp_path))
        assert len(found) == frames and fps == 16
        made.append((found.tobytes(), comfy.tensors("experts-clip")["samples"]))
    assert made[0][0] == made[1][0] and torch.equal(made[0][1], made[1][1])


def test_the_workflow_comes_back_and_asks_each_expert_below_and_above_the_border(comfy, tmp_path):
    prompt = lowered(comfy, tmp_path, 6)
    (comfy.output_dir / "experts-flow.jsonl").unlink(missing_ok=True)
    watched(prompt, "experts-flow")
    comfy.run(prompt)
    back, source = (comfy.tensors(f"experts-flow-{part}")["samples"] for part in ("back", "source"))
    assert (back - source).norm() / source.norm() < EXACT
    events = comfy.calls("experts-flow")
    check_experts(events, BORDER)
    check_loads(events, 3)
