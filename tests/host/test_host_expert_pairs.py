"""What may be a pair, and what each expert keeps for itself: texts, hooks, LoRA, windows of
AnimateDiff-Evolved; core's samplers on a pair; noise that outlives the run; and what is refused.
"""

from __future__ import annotations

import shutil
import time

import pytest
import torch
from family_models import family_model
from host_graphs import Graph, Node
from host_passes import EMPTY, SOURCE, TARGET, Bench, two_hills
from host_trips import clip
from host_windows import defaults
from safetensors.torch import save_file
from support_nodes.mixture import Mixture

from tools.client import InterruptedRun, RefusedError, RunError

EXACT = 1e-6
BORDER = 2.0


def other_hills() -> Mixture:
    """Another model of the same world: its hills are narrower and nearer."""
    hills = two_hills()
    return Mixture(hills.values, 0.6 * hills.means, 0.7 * hills.stds, hills.log_weights)


class Two:
    """A bench with two exact models, of which each logs its calls, and the passes through both."""

    def __init__(self, comfy, name: str, frames: int = 4, border: float = BORDER, **faults):
        self.bench = Bench.set_up(comfy, name, frames, **faults)
        self.graph, self.border = self.bench.graph, border
        file = comfy.put_mixture(f"{name}-low-model", other_hills())
        base = self.graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("one_level"))
        self.high = self.bench.model
        self.low = self.graph.add("UNSTest_AnalyticModel", model=base, mixture=file, log=f"{name}-low")

    def guider(self, value: float = SOURCE, cfg: float = 1.0, **more) -> Node:
        sides = {"positive": self.bench.condition(value), "negative": self.bench.condition(EMPTY)}
        given = {"high_model": self.high, "low_model": self.low, "cfg": cfg, "border": self.border, **sides}
        return self.graph.add("UNS_ExpertsBySigma", **given | more)

    def up(self, guider: Node | None = None, **more) -> Node:
        given = {"latent_image": self.bench.latent, "sigmas": self.bench.ays(), "solver": "midpoint"} | more
        return self.graph.add("UNS_UnsamplerAdvanced", guider=guider or self.guider(), **given)

    def down(self, noise: Node, guider: Node | None = None, **more) -> Node:
        given = {"noise": noise, "structure": 0.0} | more
        return self.graph.add("UNS_NoiselessResamplerAdvanced", guider=guider or self.guider(), **given)

    def sigmas_asked(self) -> dict[str, list[float]]:
        logs = {"high": self.bench.log, "low": f"{self.bench.log}-low"}
        return {name: [one["sigma"] for one in self.bench.comfy.calls(log)] for name, log in logs.items()}

    def check_asked(self) -> None:
        asked = self.sigmas_asked()
        assert min(asked["high"]) >= self.border > max(asked["low"])


def refusal(comfy, graph: Graph, node: Node, **save) -> str:
    """The one sentence that a run ends with."""
    graph.save("experts-refused", **(save or {"latent": node}))
    with pytest.raises(RunError) as stopped:
        comfy.run(graph.prompt)
    assert stopped.value.exception_type == "unsampling.UnsamplingError"
    return stopped.value.exception_message.strip()


def test_two_models_of_one_network(comfy):
    """The same weights with other patches: nothing has to be moved, and each patch is its own."""
    two = Two(comfy, "pair-one")
    noise = two.up(direct=0.5)
    found = two.bench.run(noise=noise, back=two.down(noise), edit=two.down(noise, two.guider(TARGET, 2.0)))
    assert two.bench.error(found["back"]) < EXACT < 0.1 < two.bench.error(found["edit"])
    two.check_asked()


def test_texts_of_other_widths(comfy):
    """As SDXL's refiner has another encoder than the base: here 768 numbers a token, and SD2's 1024."""
    graph, source = Graph(), clip(3, 4, 8, 8)
    base = graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("narrow"))
    wide = graph.add("UNETLoader", unet_name=comfy.model("wide_text"), weight_dtype="default")
    latent = graph.add("UNSTest_LoadLatent", file=comfy.put_latent("pair-texts", samples=source))
    text = {
        (width, value): graph.add("UNSTest_TokensConditioning", tokens=77, width=width, value=value)
        for width in (768, 1024)
        for value in (SOURCE, TARGET, EMPTY)
    }

    def guider(value: float, cfg: float, **more) -> Node:
        given = {"high_model": base, "low_model": wide, "cfg": cfg, "border": 0.57}
        sides = {"positive": text[768, value], "negative": text[768, EMPTY]}
        return graph.add("UNS_ExpertsBySigma", **given | sides | more)

    own = {"low_positive": text[1024, SOURCE], "low_negative": text[1024, EMPTY]}
    sigmas = graph.add("UNS_AYSScheduler", model_type="SD1", steps=6, denoise=1.0)
    up = {"latent_image": latent, "sigmas": sigmas, "solver": "midpoint", "direct": 0.4}
    noise = graph.add("UNS_UnsamplerAdvanced", guider=guider(SOURCE, 1.0, **own), **up)
    others = own | {"low_positive": text[1024, TARGET]}
    for name, one in (("back", guider(SOURCE, 1.0, **own)), ("edit", guider(TARGET, 2.0, **others))):
        node = graph.add("UNS_NoiselessResamplerAdvanced", guider=one, noise=noise, structure=0.0)
        graph.save(f"pair-texts-{name}", latent=node)
    comfy.run(graph.prompt)
    back, edit = (comfy.tensors(f"pair-texts-{name}")["samples"] for name in ("back", "edit"))
    assert (back - source).norm() / source.norm() < EXACT < 1e-3 < (edit - source).norm() / source.norm()

    told = refusal(comfy, graph, graph.add("UNS_UnsamplerAdvanced", guider=guider(SOURCE, 1.0), **up))
    assert told.startswith("Experts by Sigma: low_model (") and "reads texts of 1024 numbers a token" in told
    assert "connect them to low_positive and low_negative" in told


def test_a_lora_on_one_expert_alone(comfy):
    folder = comfy.models_dir / "loras"
    folder.mkdir(exist_ok=True)
    drawn = torch.Generator().manual_seed(3)
    layer = "diffusion_model.blocks.0.self_attn.q"
    weights = {f"{layer}.lora_{way}.weight": torch.randn(shape, generator=drawn) for way, shape in
               (("up", (256, 2)), ("down", (2, 256)))}  # fmt: skip
    save_file(weights, folder / "wan-small.safetensors")
    graph, source = Graph(), clip(3, 16, 8, 12, 1.0).movedim(0, 1)[None]
    models = []
    for kind in ("wan", "wan_low"):
        file = family_model(comfy.models_dir, kind)
        loaded = graph.add("UNETLoader", unet_name=file, weight_dtype="default")
        models.append(graph.add("ModelSamplingSD3", model=loaded, shift=8.0))
    lora = {"lora_name": "wan-small.safetensors", "strength_model": 1.0}
    patched = [graph.add("LoraLoaderModelOnly", model=model, **lora) for model in models]
    latent = graph.add("UNSTest_LoadLatent", file=comfy.put_latent("pair-lora", samples=source))
    sigmas = graph.add("BasicScheduler", model=models[0], scheduler="simple", steps=4, denoise=1.0)
    texts = [graph.add("UNSTest_TokensConditioning", tokens=10, width=768, value=v) for v in (SOURCE, EMPTY)]
    border = {"none": 0.875, "high": 0.875, "low": 0.875, "low, never asked": 0.01, "high, never asked": 2.0}
    for name, at in border.items():
        high = patched[0] if name.startswith("high") else models[0]
        low = patched[1] if name.startswith("low") else models[1]
        sides = {"positive": texts[0], "negative": texts[1], "cfg": 1.0, "border": at}
        guider = graph.add("UNS_ExpertsBySigma", high_model=high, low_model=low, **sides)
        up = {"latent_image": latent, "sigmas": sigmas, "solver": "midpoint", "direct": 0.0}
        noise = graph.add("UNS_UnsamplerAdvanced", guider=guider, **up)
        back = graph.add("UNS_NoiselessResamplerAdvanced", guider=guider, noise=noise, structure=0.0)
        graph.save(f"pair-lora-{name}", latent=noise)
        graph.save(f"pair-lora-{name}-back", latent=back)
    for name, model in (("one high", models[0]), ("one low", models[1])):
        sides = {"positive": texts[0], "negative": texts[1], "cfg": 1.0}
        noise = graph.add("UNS_Unsampler", model=model, **sides, **up)
        graph.save(f"pair-lora-{name}", latent=noise)
    comfy.run(graph.prompt)
    made = {n: comfy.tensors(f"pair-lora-{n}")["samples"] for n in (*border, "one high", "one low")}
    for name in border:
        back = comfy.tensors(f"pair-lora-{name}-back")["samples"]
        assert (back - source).norm() / source.norm() < EXACT, name
    assert not torch.equal(made["none"], made["high"]) and not torch.equal(made["none"], made["low"])
    assert not torch.equal(made["high"], made["low"])
    # where the expert with the LoRA is never asked, the pair is the other one alone, to the bit
    assert torch.equal(made["low, never asked"], made["one high"])
    assert torch.equal(made["high, never asked"], made["one low"])


@pytest.mark.parametrize("on", ["high", "low"])
def test_a_hook_on_one_experts_text_alone(comfy, on):
    """A hook that patches weights, with keyframes: in force in that expert's calls alone."""
    two = Two(comfy, f"pair-hook-{on}")
    for name in ("high", "low"):
        watched = {"probe": "weight", "log": f"pair-hook-{on}-{name}-weight", "gain": 0.1}
        setattr(two, name, two.graph.add("UNSTest_WatchedModel", model=getattr(two, name), **watched))
    hooks = two.graph.add("UNSTest_BiasHook")
    frames = two.graph.add("CreateHookKeyframe", strength_mult=0.5, start_percent=0.0)
    frames = two.graph.add("CreateHookKeyframe", strength_mult=2.0, start_percent=0.3, prev_hook_kf=frames)
    frames = two.graph.add("CreateHookKeyframe", strength_mult=1.0, start_percent=0.9, prev_hook_kf=frames)
    hooks = two.graph.add("SetHookKeyframes", hooks=hooks, hook_kf=frames)
    pair = {}
    for value in (SOURCE, TARGET):
        plain = two.bench.condition(value)
        hooked = two.graph.add("ConditioningSetProperties", cond_NEW=plain, strength=1.0, hooks=hooks,
                               set_cond_area="default")  # fmt: skip
        sides = {"positive": hooked, "low_positive": plain} if on == "high" else {"low_positive": hooked}
        pair[value] = two.guider(value, **sides)
    noise = two.up(pair[SOURCE], direct=0.5)
    found = two.bench.run(back=two.down(noise, pair[SOURCE]), edit=two.down(noise, pair[TARGET]))
    assert two.bench.error(found["back"]) < EXACT < 0.05 < two.bench.error(found["edit"])
    seen = {name: comfy.calls(f"pair-hook-{on}-{name}-weight") for name in ("high", "low")}
    other = "low" if on == "high" else "high"
    assert {one["value"] for one in seen[other]} == {0.0}
    assert len({one["value"] for one in seen[on]}) > 1 and 0.0 not in {one["value"] for one in seen[on]}
    by_sigma = {}
    for one in seen[on]:
        assert by_sigma.setdefault(one["sigma"], one["value"]) == one["value"]  # in both passes


@pytest.mark.parametrize("kinds", [("ADE_StandardUniformContextOptions",) * 2,
                                   ("ADE_LoopedUniformContextOptions", ""),
                                   ("", "ADE_StandardStaticContextOptions")])  # fmt: skip
def test_windows_of_animatediff_evolved(comfy, kinds):
    two = Two(comfy, "pair-ade", frames=14)
    for name, kind in zip(("high", "low"), kinds, strict=True):
        if kind:
            options = two.graph.add(
                kind, **defaults(comfy, kind) | {"context_length": 8, "context_overlap": 2}
            )
            given = {"beta_schedule": "use existing", "context_options": options}
            setattr(two, name, two.graph.add("ADE_UseEvolvedSampling", model=getattr(two, name), **given))
    noise = two.up()
    found = two.bench.run(back=two.down(noise), edit=two.down(noise, two.guider(TARGET, 2.0)))
    assert two.bench.error(found["back"]) < EXACT < 0.1 < two.bench.error(found["edit"])
    two.check_asked()
    logs = {"high": two.bench.log, "low": f"{two.bench.log}-low"}
    for name, kind in zip(("high", "low"), kinds, strict=True):
        assert {one["rows"] for one in comfy.calls(logs[name])} <= ({8, 16} if kind else {14, 28})


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m"])
def test_a_core_sampler_in_our_nodes(comfy, solver):
    two = Two(comfy, f"pair-core-{solver}")
    sampler = two.graph.add("KSamplerSelect", sampler_name=solver)
    noise = two.up(sampler=sampler)
    found = two.bench.run(back=two.down(noise, sampler=sampler))
    assert two.bench.error(found["back"]) < 0.3
    two.check_asked()


@pytest.mark.parametrize("solver", ["euler", "euler_cfg_pp", "heun", "dpmpp_2m_sde"])
def test_cores_own_sampler_node_takes_the_guider(comfy, solver):
    """With those that ask once a step it is what people build of two, each with its part of the schedule."""
    two = Two(comfy, f"pair-custom-{solver}")
    sigmas = two.bench.ays()
    given = {
        "noise": two.graph.add("RandomNoise", noise_seed=7),
        "sampler": two.graph.add("KSamplerSelect", sampler_name=solver),
    }
    ours = two.graph.add(
        "SamplerCustomAdvanced",
        guider=two.guider(SOURCE, 2.0),
        sigmas=sigmas,
        latent_image=two.bench.latent,
        **given,
    )
    two.graph.save("pair-custom-sigmas", sigmas=sigmas)
    found = two.bench.run(ours=ours)
    two.check_asked()
    assert found["ours"].isfinite().all()
    if solver not in ("euler", "euler_cfg_pp"):
        return
    step = int((comfy.tensors("pair-custom-sigmas")["sigmas"] >= BORDER).sum())
    parts = two.graph.add("SplitSigmas", sigmas=sigmas, step=step)
    latent = two.bench.latent
    for number, model in enumerate((two.high, two.low)):
        sides = {"positive": two.bench.condition(SOURCE), "negative": two.bench.condition(EMPTY)}
        given["guider"] = two.graph.add("CFGGuider", model=model, cfg=2.0, **sides)
        latent = two.graph.add("SamplerCustomAdvanced", sigmas=parts[number], latent_image=latent, **given)
        given["noise"] = two.graph.add("DisableNoise")
    found = two.bench.run(ours=ours, parts=latent)
    assert torch.allclose(found["ours"], found["parts"], atol=1e-4)


@pytest.mark.parametrize("border, never", [(1e3, "high-noise"), (0.001, "low-noise")])
def test_cores_own_sampler_node_says_who_is_never_asked(comfy, border, never):
    two, before = Two(comfy, f"pair-never-{never}", border=border), len(comfy.log_text())
    given = {"guider": two.guider(), "sigmas": two.bench.ays(4), "latent_image": two.bench.latent}
    none = two.graph.add("DisableNoise")
    core = two.graph.add("KSamplerSelect", sampler_name="euler")
    ours = two.graph.add("UNS_InversionSampler", solver="euler", direction="resample")
    for sampler in (core, ours):
        made = two.graph.add("SamplerCustomAdvanced", noise=none, sampler=sampler, **given)
        two.graph.save(f"pair-never-{sampler.id}", latent=made)
    comfy.run(two.graph.prompt)
    said = comfy.log_text()[before:]
    assert said.count(f"Experts by Sigma; the {never} model is never asked: border {border:.4g} lies") == 2


@pytest.mark.parametrize("solver", ["midpoint", "euler"])
def test_the_inversion_sampler_takes_it_too(comfy, solver):
    two, name = Two(comfy, "pair-sampler"), f"{solver}"
    plain = two.up(solver=name, record="off", direct=0.0)
    sampler = two.graph.add("UNS_InversionSampler", solver=name, direction="unsample")
    none = two.graph.add("DisableNoise")
    custom = two.graph.add("SamplerCustomAdvanced", noise=none, guider=two.guider(), sampler=sampler,
                           sigmas=two.bench.ays(), latent_image=two.bench.latent)  # fmt: skip
    found = two.bench.run(plain=plain, custom=custom)
    assert torch.equal(found["plain"], found["custom"])
    two.check_asked()


def test_two_unsamplers_in_a_row_are_refused_with_this_cure(comfy):
    """As two KSamplers are chained for Wan 2.2: one model on its part of the schedule, then the other."""
    for order in ("high first", "low first"):
        two = Two(comfy, "pair-chain")
        parts = two.graph.add("SplitSigmas", sigmas=two.bench.ays(), step=8)
        models, noise = [(two.high, parts[0]), (two.low, parts[1])], two.bench.latent
        for model, sigmas in models if order == "high first" else models[::-1]:
            noise = two.bench.unsample(sigmas, model=model, latent_image=noise)
        told = refusal(comfy, two.graph, noise)
        assert told.startswith(
            "Exact Unsampler: latent_image is already unsampled noise; connect the VAE Encode"
        )
        assert "connect both to Experts by Sigma, and its guider to one Exact Unsampler (Advanced)" in told


@pytest.mark.parametrize("down", ["high alone", "low alone", "another border", "turned round"])
def test_noise_of_a_pair_is_for_this_pair(comfy, down):
    two = Two(comfy, "pair-family")
    noise = two.up()
    if down.endswith("alone"):
        back = two.bench.resample(noise, model=two.high if down == "high alone" else two.low)
    else:
        given = {"border": 1.9} if down == "another border" else {}
        if down == "turned round":  # both are of one kind: that is an edit, as another checkpoint is
            given = {"high_model": two.low, "low_model": two.high}
        back = two.down(noise, two.guider(**given))
    if down == "turned round":
        found = two.bench.run(back=back)
        assert two.bench.error(found["back"]) > 1e-3
        return
    told = refusal(comfy, two.graph, back)
    assert "model differs from the one the noise was unsampled with: experts " in told
    assert "connect the guider of Experts by Sigma, with the same border" in told


def test_noise_of_one_model_is_not_for_a_pair(comfy):
    two = Two(comfy, "pair-single")
    told = refusal(comfy, two.graph, two.down(two.bench.unsample(two.bench.ays())))
    assert "experts BaseModel (" in told and "below sigma 2, not none; connect one model" in told


def wan(graph: Graph, comfy) -> Node:
    return graph.add("UNETLoader", unet_name=family_model(comfy.models_dir, "wan"), weight_dtype="default")


@pytest.mark.parametrize("kinds, words", [
    (("wan", "sd15"), "high_model is a WAN21, a flow model, and low_model is a BaseModel, no flow model"),
    (("sd15", "wan"), "high_model is a BaseModel, no flow model, and low_model is a WAN21, a flow model"),
    (("wan", "flux"), "latents of the format Wan21, and low_model is a Flux with Flux"),
    (("sd15", "sd15 on flow"), "no flow model, and low_model is a BaseModel, a flow model"),
])  # fmt: skip
def test_two_kinds_are_refused(comfy, kinds, words):
    graph = Graph()
    made = {
        "wan": lambda: wan(graph, comfy),
        "flux": lambda: graph.add(
            "UNETLoader", unet_name=family_model(comfy.models_dir, "flux"), weight_dtype="default"
        ),
        "sd15": lambda: graph.add("CheckpointLoaderSimple", ckpt_name=comfy.model("one_level")),
        "sd15 on flow": lambda: graph.add("ModelSamplingSD3", model=made["sd15"](), shift=1.0),
    }
    high, low = (made[kind]() for kind in kinds)
    text = graph.add("UNSTest_Conditioning", value=1.0)
    guider = graph.add("UNS_ExpertsBySigma", high_model=high, low_model=low, positive=text, negative=text,
                       cfg=1.0, border=0.5)  # fmt: skip
    latent = graph.add("UNSTest_LoadLatent", file=comfy.put_latent("pair-kinds", samples=clip()))
    sigmas = graph.add("UNS_AYSScheduler", model_type="SD1", steps=4, denoise=1.0)
    noise = graph.add(
        "UNS_UnsamplerAdvanced", guider=guider, latent_image=latent, sigmas=sigmas, solver="euler"
    )
    told = refusal(comfy, graph, noise)
    assert told.startswith("Experts by Sigma: ") and words in told and told.count("; ") == 1
    assert "connect two models that were trained for one schedule" in told


def test_an_expert_is_one_model(comfy):
    """A pair is no MODEL, so that the server itself does not take it for one."""
    two = Two(comfy, "pair-of-pairs")
    two.graph.save("pair-of-pairs-noise", latent=two.up(two.guider(low_model=two.guider())))
    with pytest.raises(RefusedError, match="GUIDER"):
        comfy.run(two.graph.prompt)


@pytest.mark.parametrize(
    "given, words",
    [({"border": 0.0}, None), ({"border": 1e12}, None), ({"low_cfg": -0.5}, "low_cfg is -0.5; set it to")],
)
def test_numbers_that_are_none(comfy, given, words):
    two = Two(comfy, "pair-numbers")
    if words is None:  # the widget's own bounds
        two.graph.save("pair-numbers-noise", latent=two.up(two.guider(**given)))
        with pytest.raises(RefusedError, match=r"(smaller|bigger) than m"):
            comfy.run(two.graph.prompt)
        return
    assert words in refusal(comfy, two.graph, two.up(two.guider(**given)))


def test_something_on_one_expert_is_named_by_its_side(comfy):
    for side in ("high", "low"):
        two = Two(comfy, "pair-cached")
        given = {f"{side}_model": two.graph.add("UNSTest_TeaCached", model=getattr(two, side))}
        told = refusal(comfy, two.graph, two.up(two.guider(**given)))
        assert f"Exact Unsampler (Advanced): {side}-noise model has TeaCache, which" in told


@pytest.mark.parametrize("side", ["high", "low"])
def test_a_model_that_does_not_repeat_itself_is_found(comfy, side):
    """On the low-noise expert by the resampler, whose calls are compared with the record's."""
    two = Two(comfy, "pair-memory")
    patched = two.graph.add("UNSTest_PatchedModel", model=getattr(two, side), patch="torch generator")
    guider = two.guider(**{f"{side}_model": patched})
    noise = two.up(guider)
    told = refusal(comfy, two.graph, two.down(noise, guider))
    assert ("Exact Unsampler (Advanced): " if side == "high" else "Noiseless Resampler (Advanced): ") in told
    assert "model does not repeat itself" in told


def test_an_error_inside_an_expert_ends_the_run_and_the_next_one_works(comfy):
    for side in ("high", "low"):
        two = Two(comfy, "pair-error")
        given = {"log": "pair-error-nan", "mixture": comfy.put_mixture("pair-error-m", two_hills())}
        patched = two.graph.add("UNSTest_AnalyticModel", model=getattr(two, side), nan_at_call=2, **given)
        told = refusal(comfy, two.graph, two.up(two.guider(**{f"{side}_model": patched})))
        assert "the model returned NaN or infinite values at model call" in told
        two = Two(comfy, "pair-after")
        found = two.bench.run(back=two.down(two.up()))
        assert two.bench.error(found["back"]) < EXACT


@pytest.mark.parametrize("side", ["high", "low"])
def test_cancel_works_within_one_call(comfy, side):
    two = Two(comfy, f"pair-cancel-{side}", **({"delay_s": 0.4} if side == "high" else {}))
    if side == "low":
        mixture = comfy.put_mixture("pair-cancel-m", two_hills())
        given = {"model": two.low, "mixture": mixture, "log": two.bench.log + "-low", "delay_s": 0.4}
        two.low = two.graph.add("UNSTest_AnalyticModel", **given)
    log = comfy.output_dir / (two.bench.log + ("" if side == "high" else "-low") + ".jsonl")
    two.graph.save("pair-cancel-noise", latent=two.up(sigmas=two.bench.ays(40)))
    log.unlink(missing_ok=True)
    prompt_id = comfy.client.queue(two.graph.prompt)

    def calls() -> int:
        return len(log.read_text().splitlines()) if log.exists() else 0

    for _ in range(400):
        if calls() >= 2:
            break
        time.sleep(0.05)
    before = calls()
    comfy.client.interrupt()
    with pytest.raises(InterruptedRun):
        comfy.client.wait(prompt_id)
    assert 2 <= before <= calls() <= before + 2
    after = Two(comfy, "pair-after-cancel")
    assert after.bench.error(after.bench.run(back=after.down(after.up()))["back"]) < EXACT


class Kept:
    """Noise of two Wan models whose calls are counted, so that it can be kept."""

    def __init__(self, comfy, **more):
        self.comfy, self.graph = comfy, Graph()
        models = []
        for kind in ("wan", "wan_low"):
            file = family_model(comfy.models_dir, kind)
            loaded = self.graph.add("UNETLoader", unet_name=file, weight_dtype="default")
            models.append(self.graph.add("ModelSamplingSD3", model=loaded, shift=more.get("shift", 8.0)))
        if "lora" in more:
            given = {"lora_name": "wan-small.safetensors", "strength_model": more["lora"]}
            models[1] = self.graph.add("LoraLoaderModelOnly", model=models[1], **given)
        models[0] = self.graph.add("UNSTest_CountCalls", model=models[0], log="pair-kept")
        self.models = models
        given = {"scheduler": "simple", "steps": 4, "denoise": 1.0}
        self.sigmas = self.graph.add("BasicScheduler", model=models[0], **given)
        stored = comfy.put_latent("pair-kept", samples=clip(3, 16, 8, 12, 1.0).movedim(0, 1)[None])
        self.latent = self.graph.add("UNSTest_LoadLatent", file=stored)
        self.border, self.low_text = more.get("border", 0.875), more.get("low_text", EMPTY)

    def guider(self, value: float = SOURCE, cfg: float = 1.0) -> Node:
        positive, low, negative = (
            self.graph.add("UNSTest_TokensConditioning", tokens=10, width=768, value=one)
            for one in (value, self.low_text, EMPTY)
        )
        sides = {"positive": positive, "negative": negative, "low_positive": low}
        given = {"high_model": self.models[0], "low_model": self.models[1], "border": self.border}
        return self.graph.add("UNS_ExpertsBySigma", cfg=cfg, **given, **sides)

    def noise(self, **more) -> Node:
        given = {"latent_image": self.latent, "sigmas": self.sigmas, "solver": "midpoint", "direct": 0.5}
        return self.graph.add("UNS_UnsamplerAdvanced", guider=self.guider(), **given | more)

    def edit(self, noise: Node, name: str) -> torch.Tensor:
        given = {"guider": self.guider(TARGET, 2.0), "noise": noise, "structure": 0.2}
        edit = self.graph.add("UNS_NoiselessResamplerAdvanced", **given)
        self.graph.save(f"pair-kept-{name}", latent=edit)
        self.comfy.run(self.graph.prompt)
        return self.comfy.tensors(f"pair-kept-{name}")["samples"]


@pytest.fixture
def emptied(comfy):
    """A folder of the output for the files of a test, of which no other one is to know."""
    yield "pair-files"
    shutil.rmtree(comfy.output_dir / "pair-files")


def test_the_noise_of_a_pair_in_a_file(comfy, emptied):
    first = Kept(comfy)
    noise = first.noise()
    first.graph.add("UNS_SaveNoise", noise=noise, filename_prefix=f"{emptied}/pair", precision="lossless")
    made = first.edit(noise, "made")
    file = f"{emptied}/pair_00001_.safetensors [output]"
    again = Kept(comfy)
    assert torch.equal(again.edit(again.graph.add("UNS_LoadNoise", file=file), "loaded"), made)
    other = Kept(comfy, border=0.7)
    with pytest.raises(RunError, match=r"experts WAN21 .* below sigma 0\.7, not WAN21 .* below sigma 0\.875"):
        other.edit(other.graph.add("UNS_LoadNoise", file=file), "refused")


def test_the_cache_knows_both_experts(comfy):
    def calls(**more) -> tuple[int, str]:
        before, kept = len(comfy.log_text()), Kept(comfy, **more)
        kept.graph.save("pair-cache", latent=kept.noise(keep_on_disk=True, variation=5))
        comfy.run(kept.graph.prompt)
        return len(comfy.calls("pair-kept")), comfy.log_text()[before:]

    made, said = calls()
    assert made > 0 and "kept in the cache (" in said
    first = comfy.tensors("pair-cache")["samples"]
    found, said = calls()
    assert found == 0 and "taken from the cache without a model call" in said
    assert torch.equal(comfy.tensors("pair-cache")["samples"], first)
    for other in ({"border": 0.9}, {"lora": 0.5}, {"low_text": TARGET}, {"shift": 7.0}):
        assert calls(**other)[0] > 0, other
