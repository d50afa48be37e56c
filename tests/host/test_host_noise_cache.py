"""The same unsampling is found on disk, not made again: by a later server, and by a second one beside it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
from comfy_server import ComfyServer
from family_models import family_model
from host_graphs import Graph, Node
from host_passes import EMPTY, SOURCE, TARGET, two_hills
from host_session import HostSession, started
from host_trips import clip
from host_windows import WINDOWS, defaults
from safetensors.torch import save_file

pytestmark = pytest.mark.timeout(1800)  # the first test waits for all noise to be made, some of it thrice
FOLDER = "user/__unsampling_cache"
FOUND, KEPT, NOT_KEPT = (
    "taken from the cache without a model call",
    "kept in the cache (",
    "not kept in the cache",
)


@dataclass(frozen=True)
class Case:
    """How noise is made and restyled on a real, if small, network."""

    up: dict
    down: dict
    frames: int = 2
    masked: bool = False
    windows: str = ""
    kind: str = "sd15"
    steps: int = 2
    lora: float = 0.0
    sampler: str = ""
    curve: bool = False
    motion: str = ""


CASES = {
    "full record": Case({}, {}),
    "half record, direct": Case({"record": "half", "direct": 0.7, "variation": 3}, {"hold": 0.5}),
    "clip's own direct, cfg 2": Case({"direct": -1.0, "cfg": 2.0}, {"structure": 0.3}),
    "masked": Case({"solver": "dpmpp_2m"}, {}, masked=True),
    "windows of AnimateDiff that move": Case({}, {}, frames=10, windows=WINDOWS[1]),
    "core's windows": Case({"direct": 0.4}, {}, frames=10, windows=WINDOWS[3]),
    "numbers over the clip": Case({}, {"fidelity": 0.5}, frames=4, curve=True),
    "LoRA": Case({"end": 0.7}, {}, lora=0.5),
    "without a record": Case({"record": "off", "solver": "ees25"}, {}),
    "core's euler": Case({}, {}, sampler="euler"),
    "a flow model's video": Case({"direct": 0.4, "record": "half"}, {}, kind="wan"),
    "HotshotXL": Case({"solver": "euler"}, {}, frames=8, kind="sdxl", steps=1, motion="hotshot"),
    "AnimateDiff": Case({"solver": "euler"}, {}, frames=4, steps=1, motion="motion"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    session = started(lambda: ComfyServer(tmp_path_factory.mktemp("noise_cache")))
    try:
        yield session
    finally:
        session.close()


@pytest.fixture(scope="module")
def second(server):
    """Another process on the same folders."""

    def make() -> ComfyServer:
        other = ComfyServer(server.server.base, ())
        other.log = other.base / "second.log"
        return other

    session = started(make)
    try:
        yield session
    finally:
        session.server.stop()


def lora_file(comfy: HostSession) -> str:
    folder = comfy.models_dir / "loras"
    folder.mkdir(exist_ok=True)
    name = "diffusion_model.input_blocks.0.0"
    generator = torch.Generator().manual_seed(5)
    weights = {
        f"{name}.lora_up.weight": torch.randn(320, 2, 1, 1, generator=generator),
        f"{name}.lora_down.weight": torch.randn(2, 4, 3, 3, generator=generator),
    }
    save_file(weights, folder / "small.safetensors")
    return "small.safetensors"


class Run:
    """One prompt: noise, and a restyle of it if asked for."""

    def __init__(self, comfy: HostSession, case: Case, log: str):
        self.comfy, self.case, self.log = comfy, case, log
        self.graph = Graph()
        self.model = self.graph.add("UNSTest_CountCalls", model=self.network(), log=log)

    def network(self) -> Node:
        if self.case.kind == "wan":
            name = family_model(self.comfy.models_dir, "wan")
            model = self.graph.add("UNETLoader", unet_name=name, weight_dtype="default")
            return self.graph.add("ModelSamplingSD3", model=model, shift=3.0)
        xl = self.case.kind == "sdxl"
        file = (
            family_model(self.comfy.models_dir, "sdxl")
            if xl
            else self.comfy.model("sd15" if self.case.motion else "narrow")
        )
        model = self.checkpoint = self.graph.add("CheckpointLoaderSimple", ckpt_name=file)
        if self.case.lora:
            given = {"lora_name": lora_file(self.comfy), "strength_model": self.case.lora}
            model = self.graph.add("LoraLoaderModelOnly", model=model, **given)
        if self.case.motion:
            model = self.moving(model)
        return self.cut(model) if self.case.windows else model

    def moving(self, model: Node) -> Node:
        """With a motion model of AnimateDiff's or HotshotXL's, weaker than it could be."""
        hotshot = self.case.motion == "hotshot"
        find = partial(family_model, self.comfy.models_dir) if hotshot else self.comfy.model
        loaded = self.graph.add("ADE_LoadAnimateDiffModel", model_name=find(self.case.motion))
        effect = self.graph.add("ADE_MultivalDynamic", float_val=0.7)
        applied = self.graph.add(
            "ADE_ApplyAnimateDiffModelSimple", motion_model=loaded, effect_multival=effect
        )
        return self.graph.add(
            "ADE_UseEvolvedSampling", model=model, m_models=applied, beta_schedule="autoselect"
        )

    def cut(self, model: Node) -> Node:
        sizes = {"context_length": 6, "context_overlap": 2}
        kind = self.case.windows
        if not kind.startswith("ADE"):
            given = defaults(self.comfy, "ContextWindowsManual") | {"context_schedule": kind, "dim": 0}
            return self.graph.add("ContextWindowsManual", model=model, **given | sizes)
        options = self.graph.add(kind, **defaults(self.comfy, kind) | sizes)
        given = {"beta_schedule": "use existing", "context_options": options}
        return self.graph.add("ADE_UseEvolvedSampling", model=model, **given)

    def words(self, value: float) -> Node:
        if self.case.kind == "wan":
            return self.graph.add("UNSTest_TokensConditioning", tokens=10, width=768, value=value)
        if self.case.kind == "sdxl":
            text = f"number {value:g}" if value else ""
            return self.graph.add("CLIPTextEncode", clip=self.checkpoint[1], text=text)
        return self.graph.add("UNSTest_Conditioning", value=value)

    def source(self) -> Node:
        if self.case.kind == "wan":
            tensors = {"samples": clip(3, 16, 8, 12, 1.0).movedim(0, 1)[None]}
        else:
            tensors = {"samples": clip(self.case.frames, 4, 8, 8, 1.0)}
        if self.case.masked:
            tensors["noise_mask"] = torch.ones(self.case.frames, 1, 64, 64)
            tensors["noise_mask"][..., :24] = 0
        name = f"cache-{self.case.kind}-{self.case.frames}-{self.case.masked}"
        return self.graph.add("UNSTest_LoadLatent", file=self.comfy.put_latent(name, **tensors))

    def sigmas(self) -> Node:
        if self.case.kind == "wan":
            given = {"scheduler": "simple", "steps": self.case.steps, "denoise": 1.0}
            return self.graph.add("BasicScheduler", model=self.model, **given)
        return self.graph.add("UNS_AYSScheduler", model_type="SD1", steps=self.case.steps, denoise=1.0)

    def noise(self, **more) -> Node:
        up = {"solver": "midpoint", "cfg": 1.0} | self.case.up | more
        place = {"latent_image": self.source(), "sigmas": self.sigmas()}
        sides = {"positive": self.words(SOURCE), "negative": self.words(EMPTY)}
        if not self.case.sampler:
            return self.graph.add("UNS_Unsampler", model=self.model, **sides, **place, **up)
        guider = self.graph.add("CFGGuider", model=self.model, cfg=up.pop("cfg"), **sides)
        sampler = self.graph.add("KSamplerSelect", sampler_name=self.case.sampler)
        return self.graph.add("UNS_UnsamplerAdvanced", guider=guider, sampler=sampler, **place, **up)

    def restyle(self, noise: Node) -> Node:
        sides = {"positive": self.words(TARGET), "negative": self.words(EMPTY)}
        down = {"structure": 0.0} | self.case.down
        if self.case.curve:
            values = ", ".join(f"{i} = {value}" for i, value in enumerate((0.0, 0.2, 0.4, 0.6)))
            down["structure"] = self.graph.add("ADE_ValueScheduling", values=values, max_length=4)[1]
        if not self.case.sampler:
            given = {"model": self.model, "noise": noise, "cfg": 2.0}
            return self.graph.add("UNS_NoiselessResampler", **given, **sides, **down)
        guider = self.graph.add("CFGGuider", model=self.model, cfg=2.0, **sides)
        sampler = self.graph.add("KSamplerSelect", sampler_name=self.case.sampler)
        return self.graph.add(
            "UNS_NoiselessResamplerAdvanced", guider=guider, noise=noise, sampler=sampler, **down
        )

    def run(self, **latents: Node) -> tuple[dict[str, torch.Tensor], int, str]:
        """What was made, how often a network was called, and what the log tells since."""
        before = len(self.comfy.log_text())
        for name, node in latents.items():
            self.graph.save(f"{self.log}-{name}", latent=node)
        self.comfy.run(self.graph.prompt)
        made = {name: self.comfy.tensors(f"{self.log}-{name}")["samples"] for name in latents}
        return made, len(self.comfy.calls(self.log)), self.comfy.log_text()[before:]


def up(comfy: HostSession, case: Case, **more):
    """The noise of a case alone."""
    run = Run(comfy, case, "cache-up")
    made, calls, said = run.run(noise=run.noise(**more))
    return made["noise"], calls, said


def prefix(case: Case) -> str:
    return f"kept/{list(CASES.values()).index(case):02}"


def both(comfy: HostSession, case: Case, save: bool = False, load: bool = False, **more):
    """Noise and restyle of a case. save: whether Save Noise writes it, load: whether Load Noise reads it."""
    run = Run(comfy, case, "cache-both")
    if load:
        noise = run.graph.add("UNS_LoadNoise", file=f"{prefix(case)}_00001_.safetensors [output]")
    else:
        noise = run.noise(**more)
    if save:
        run.graph.add("UNS_SaveNoise", noise=noise, filename_prefix=prefix(case), precision="lossless")
    made, calls, said = run.run(noise=noise, clip=run.restyle(noise))
    return made["clip"], calls, said


@pytest.fixture(scope="module")
def made(server):
    """Each case without the cache, and then with it, on a server that is gone."""
    found = {}
    for name, case in CASES.items():
        noise, rising, said = up(server, case)
        assert "cache" not in said, name
        clip_of, all_calls, _ = both(server, case, save=True)
        assert 0 < rising < all_calls
        again, calls, said = up(server, case, keep_on_disk=True)
        assert calls == rising and KEPT in said and torch.equal(again, noise), (name, said)
        found[name] = noise, clip_of, rising, all_calls
    server.server.stop()
    server.server.start()
    return found


def check_found(comfy: HostSession, name: str, known) -> None:
    noise, clip_of, rising, all_calls = known
    again, calls, said = up(comfy, CASES[name], keep_on_disk=True)
    assert calls == 0 and FOUND in said and torch.equal(again, noise), said
    restyled, calls, said = both(comfy, CASES[name], keep_on_disk=True)
    assert calls == all_calls - rising and torch.equal(restyled, clip_of)


@pytest.mark.parametrize("name", CASES)
def test_a_later_server_finds_the_noise_and_asks_no_model(server, made, name):
    check_found(server, name, made[name])


@pytest.mark.parametrize(
    "name", ["full record", "masked", "windows of AnimateDiff that move", "a flow model's video"]
)
def test_a_second_server_on_the_same_folders_finds_it_too(second, made, name):
    check_found(second, name, made[name])


@pytest.mark.parametrize("name", CASES)
def test_saved_noise_is_restyled_by_a_later_server_without_a_rising_pass(server, made, name):
    _, clip_of, rising, all_calls = made[name]
    restyled, calls, _ = both(server, CASES[name], load=True)
    assert calls == all_calls - rising and torch.equal(restyled, clip_of)


def entries(comfy: HostSession) -> list[Path]:
    return sorted((comfy.server.base / FOLDER).glob("*.safetensors"))


def test_the_same_key_after_a_run_and_before(server, made):
    """A run leaves marks on its MODEL, and none on its name."""
    before = entries(server)
    for name in ("LoRA", "full record", "LoRA", "core's windows", "windows of AnimateDiff that move"):
        _, calls, said = up(server, CASES[name], keep_on_disk=True)
        assert calls == 0 and FOUND in said
    assert entries(server) == before


@pytest.mark.parametrize(
    "change",
    [{"cfg": 1.5}, {"solver": "euler"}, {"end": 0.7}, {"record": "half"}, {"direct": 0.4}, {"variation": 1}],
    ids=str,
)
def test_another_setting_is_another_noise(server, made, change):
    _, calls, said = up(server, CASES["full record"], **{"keep_on_disk": True, **change})
    assert calls > 0 and KEPT in said


def test_another_strength_of_a_lora_is_another_noise(server, made):
    case = CASES["LoRA"]
    for strength, more in ((0.25, True), (0.5, False)):
        other = Case(case.up, case.down, lora=strength)
        _, calls, _ = up(server, other, keep_on_disk=True)
        assert (calls > 0) is more


def analytic(comfy: HostSession) -> dict:
    return {"mixture": comfy.put_mixture("cache-mixture", two_hills()), "log": "cache-analytic"}


PATCHES: dict[str, tuple[Callable[[Run], Node], str]] = {
    "a closure": (
        lambda run: run.graph.add("FreeU_V2", model=run.model, b1=1.3, b2=1.4, s1=0.9, s2=0.2),
        r"FreeU_V2\S*output_block_patch of \S+, a function with values of its own in it \(a closure\)",
    ),
    "an object of another pack": (
        lambda run: run.graph.add("UNSTest_AnalyticModel", model=run.model, **analytic(run.comfy)),
        r"an object of \S+, which this pack does not know",
    ),
}


@pytest.mark.parametrize("name", PATCHES)
def test_what_has_no_name_is_no_hit_and_the_node_says_why(server, made, name):
    patch, why = PATCHES[name]
    before = entries(server)
    for _ in range(2):
        run = Run(server, CASES["full record"], "cache-patched")
        run.model = patch(run)
        _, calls, said = run.run(noise=run.noise(keep_on_disk=True))
        # the analytic model answers in the network's place
        assert calls > 0 or name != "a closure"
        assert FOUND not in said and "model calls" in said
        assert re.search(rf"{NOT_KEPT}: .*{why}", said), said
    assert entries(server) == before


def test_a_damaged_entry_is_removed_and_made_anew(server, made):
    noise = made["full record"][0]
    newest = newest_of(server, CASES["full record"])
    for damage in (lambda data: data[:-9], lambda data: data[:-5] + bytes([data[-5] ^ 64]) + data[-4:]):
        newest.write_bytes(damage(newest.read_bytes()))
        again, calls, said = up(server, CASES["full record"], keep_on_disk=True)
        assert calls > 0 and "what the cache had was no use: " in said and KEPT in said
        assert torch.equal(again, noise)
        assert up(server, CASES["full record"], keep_on_disk=True)[1] == 0


def newest_of(comfy: HostSession, case: Case) -> Path:
    """The entry of a case: a hit makes it the one that was used last."""
    time.sleep(0.02)
    up(comfy, case, keep_on_disk=True)
    return max(entries(comfy), key=lambda path: path.stat().st_mtime_ns)


def test_another_entrys_name_is_no_hit(server, made):
    ours, theirs = (newest_of(server, CASES[name]) for name in ("full record", "masked"))
    assert ours != theirs
    ours.write_bytes(theirs.read_bytes())
    again, calls, said = up(server, CASES["full record"], keep_on_disk=True)
    assert calls > 0 and "it is of another unsampling" in said and torch.equal(again, made["full record"][0])


def test_a_link_in_the_folder_is_not_followed(server, made, tmp_path):
    entry = newest_of(server, CASES["full record"])
    entry.rename(tmp_path / "elsewhere.safetensors")
    entry.symlink_to(tmp_path / "elsewhere.safetensors")
    _, calls, said = up(server, CASES["full record"], keep_on_disk=True)
    assert calls > 0 and "it is no file" in said and KEPT in said
    assert not entry.is_symlink() and (tmp_path / "elsewhere.safetensors").exists()


def test_a_folder_that_cannot_be_written_costs_a_sentence_and_no_noise(server, made):
    folder = server.server.base / FOLDER
    folder.rename(folder.with_name("away"))
    folder.write_text("a file stands where the folder must be")
    try:
        again, calls, said = up(server, CASES["full record"], keep_on_disk=True)
    finally:
        folder.unlink()
        folder.with_name("away").rename(folder)
    assert calls > 0 and NOT_KEPT in said and torch.equal(again, made["full record"][0])


def test_the_limit_drops_what_was_used_longest_ago(server, made):
    kept = newest_of(server, CASES["full record"])
    oldest = min(entries(server), key=lambda path: path.stat().st_mtime_ns)
    total = sum(path.stat().st_size for path in entries(server))
    server.server.stop()
    os.environ["UNSAMPLING_CACHE_GIB"] = str(total / 2**30)
    try:
        server.server.start()
        _, calls, said = up(server, CASES["full record"], keep_on_disk=True, cfg=1.7)
    finally:
        del os.environ["UNSAMPLING_CACHE_GIB"]
    assert calls > 0 and KEPT in said
    assert kept.exists() and not oldest.exists()
    assert sum(path.stat().st_size for path in entries(server)) <= total
