"""Prompts that change over the clip or over the steps, by each pack's own nodes, on a real network: each
frame has its own prompt in both passes, whole or sliced, and comes back under it."""

import pytest
import torch
from host_passes import SOURCE as SOURCE_VALUE
from host_passes import TARGET as TARGET_VALUE
from host_passes import Bench
from host_prompts import committed_prompt, on_small_sd15, restyled_twice
from host_scenes import FRAMES, SOURCE, TARGET, WINDOWS, Scene

NEAR = 1e-3  # a prompt mixed with itself is not the same to the bit
LONG = ", ".join(["a very long description of an oil painting with thick strokes"] * 9)  # two times 77 tokens
CROSS_FADE = "unsampling_cross_fade_sd15"


def ade(scene: Scene, first: str, last: str, frames: int = FRAMES):
    """AnimateDiff-Evolved's Prompt Scheduling: the first prompt up to frame 3, then a fade to the last."""
    prompts = f'0 = "{first}", 3 = "{first}", {frames - 1} = "{last}"'
    more = {"print_schedule": False, "max_length": frames, "tensor_interp": "lerp"}
    return scene.graph.add("ADE_PromptScheduling", prompts=prompts, clip=scene.clip, **more)


def ade_of_latents(scene: Scene, first: str, last: str, frames: int = FRAMES):
    """The same held, by as many as there are latents, in its other format."""
    prompts = f'"0:": "{first}", "4:": "{last}"'
    latent = scene.latent
    if frames != FRAMES:
        latent = scene.graph.add("EmptyLatentImage", width=64, height=64, batch_size=frames)
    more = {"print_schedule": False, "tensor_interp": "slerp"}
    return scene.graph.add(
        "ADE_PromptSchedulingLatents", prompts=prompts, clip=scene.clip, latent=latent, **more
    )


def fizz(scene: Scene, first: str, last: str, frames: int = FRAMES):
    """FizzNodes' Batch Prompt Schedule: the same fade."""
    prompts = f'"0" :"{first}", "3" :"{first}", "{frames - 1}" :"{last}"'
    return scene.graph.add(
        "BatchPromptSchedule",
        text=prompts,
        clip=scene.clip,
        max_frames=frames,
        print_output=False,
        start_frame=0,
        end_frame=0,
    )


def check(scene: Scene, held, fade) -> None:
    """Of two schedules from the source's own prompt to another: frames under the source's come back, alone
    and in a slice, and the others change; a clip comes back under the same schedule in both passes."""
    noise, own = scene.unsample(scene.text(SOURCE), direct=0.5), scene.unsample(fade)
    part = scene.graph.add("LatentFromBatch", samples=noise, batch_index=2, length=3)
    found = scene.run(
        held=scene.resample(noise, held), part=scene.resample(part, held), back=scene.resample(own, fade)
    )
    moved = scene.moved(found["held"])
    assert max(moved[:4]) < NEAR and min(moved[4:]) > 1e-2
    assert moved[0] == moved[3] == 0  # where nothing is interpolated, to the bit
    assert torch.allclose(found["part"], found["held"][2:5], atol=1e-3)
    assert torch.equal(found["back"], scene.source)


@pytest.mark.parametrize("windows", WINDOWS)
def test_each_frame_has_its_own_prompt(comfy, windows):
    scene = Scene(comfy, f"ade-{windows}", windows)
    check(scene, ade_of_latents(scene, SOURCE, TARGET), ade(scene, SOURCE, TARGET))


def test_each_frame_has_its_own_prompt_of_fizznodes(fizz_comfy):
    scene = Scene(fizz_comfy, "fizz", WINDOWS[2])
    fade = fizz(scene, SOURCE, TARGET)
    check(scene, fade, fade)


def test_the_passes_may_have_texts_of_other_lengths(comfy):
    """77 tokens in one, 154 a frame in the other, either way round."""
    scene = Scene(comfy, "tokens", WINDOWS[2])
    long, short = ade(scene, SOURCE, LONG), scene.text(SOURCE)
    up, down = scene.unsample(short, direct=0.5), scene.unsample(long, direct=0.5)
    found = scene.run(
        up=scene.resample(up, long, cfg=2.0),
        down=scene.resample(down, short, cfg=2.0),
        back=scene.resample(up, short),
        long=scene.resample(down, long),
    )
    assert all(torch.equal(found[name], scene.source) for name in ("back", "long"))
    for name in ("up", "down"):
        assert found[name].isfinite().all() and min(scene.moved(found[name])) > 1e-2


def cut(scene: Scene, noise, first: int, count: int):
    return scene.graph.add("LatentFromBatch", samples=noise, batch_index=first, length=count)


def joined(scene: Scene, *parts):
    first, second = parts
    return scene.graph.add("LatentBatch", samples1=first, samples2=second)


SLICES = {
    "one": (lambda s, noise: cut(s, noise, 4, 1), [4]),
    "backwards": (lambda s, noise: joined(s, cut(s, noise, 5, 1), cut(s, noise, 0, 1)), [5, 0]),
    "of a slice": (lambda s, noise: cut(s, cut(s, noise, 2, 4), 2, 2), [4, 5]),
    "twice": (
        lambda s, noise: s.graph.add("RepeatLatentBatch", samples=cut(s, noise, 3, 2), amount=2),
        [3, 4, 3, 4],
    ),
}


def hinted(scene: Scene, schedule, apply: str, loader: str):
    """The schedule with a mask for each frame on it, and a ControlNet with a picture for each."""
    steps = torch.linspace(0, 1, scene.frames).tolist()
    masks = [scene.graph.add("SolidMask", value=0.5 + 0.5 * x, width=64, height=64) for x in steps]
    mask = scene.graph.add("BatchMasksNode", **{f"masks.mask{i}": one for i, one in enumerate(masks)})
    given = {"conditioning": schedule, "mask": mask, "strength": 1.0, "set_cond_area": "default"}
    positive = scene.graph.add("ConditioningSetMask", **given)
    images = scene.graph.add("MaskToImage", mask=mask)
    name = "cnet" if loader.startswith("ACN") else "control_net_name"
    net = scene.graph.add(loader, **{name: scene.comfy.model("controlnet_one_level")})
    how = {"strength": 0.6, "start_percent": 0.0, "end_percent": 1.0}
    if apply.startswith("ACN"):
        how["mask_optional"] = mask
    both = {"positive": positive, "negative": scene.negative, "control_net": net, "image": images}
    return scene.graph.add(apply, **both, **how)[0]


@pytest.mark.parametrize(
    "apply, loader",
    [
        ("ControlNetApplyAdvanced", "ControlNetLoader"),
        ("ACN_AdvancedControlNetApply_v2", "ACN_ControlNetLoaderAdvanced"),
    ],
)
def test_a_slice_takes_its_prompts_masks_and_pictures(comfy, apply, loader):
    scene = Scene(comfy, f"slices-{apply}")
    noise = scene.unsample(scene.text(SOURCE), direct=0.5)
    positive = hinted(scene, ade(scene, SOURCE, TARGET), apply, loader)
    parts = {name: make(scene, noise) for name, (make, _) in SLICES.items()}
    found = scene.run(
        whole=scene.resample(noise, positive),
        **{name: scene.resample(part, positive) for name, part in parts.items()},
    )
    whole = found.pop("whole")
    assert not torch.allclose(whole[0], whole[5], atol=1e-2)
    for name, part in found.items():
        own = SLICES[name][1]
        assert torch.allclose(part, whole[own], atol=1e-3), name
        assert not torch.allclose(part, whole[: len(own)], atol=1e-2), name


def kept_by_frame(scene: Scene, way: str):
    """A ControlNet of another strength in each frame but the first, by latent keyframes on it, or on its one
    timestep keyframe."""
    given = {"batch_index_from": 1, "batch_index_to_excl": FRAMES, "interpolation": "linear"}
    more = {"strength_from": 0.2, "strength_to": 3.0, "print_keyframes": False}
    latents = scene.graph.add("LatentKeyframeTiming", **given, **more)
    how = {"latent_kf_override": latents}
    if way == "timestep keyframe":
        kept = {"latent_keyframe": latents, "null_latent_kf_strength": 0.5}
        how = {"timestep_kf": scene.graph.add("TimestepKeyframe", start_percent=0.0, **kept)}
    net = scene.graph.add("ACN_ControlNetLoaderAdvanced", cnet=scene.comfy.model("controlnet_one_level"))
    image = scene.graph.add("EmptyImage", width=64, height=64, batch_size=1, color=0x4080C0)
    both = {"positive": scene.text(SOURCE), "negative": scene.negative, "control_net": net, "image": image}
    how |= {"strength": 0.6, "start_percent": 0.0, "end_percent": 1.0}
    return scene.graph.add("ACN_AdvancedControlNetApply_v2", **both, **how)[0]


@pytest.mark.parametrize("way", ["in its place", "timestep keyframe"])
def test_a_slice_takes_the_latent_keyframes_of_its_frames(comfy, way):
    scene, before = Scene(comfy, f"slices-{way}"), len(comfy.log_text())
    noise, positive = scene.unsample(scene.text(SOURCE), direct=0.5), kept_by_frame(scene, way)
    parts = {name: SLICES[name][0](scene, noise) for name in ("one", "backwards")}
    found = scene.run(
        whole=scene.resample(noise, positive),
        **{name: scene.resample(part, positive) for name, part in parts.items()},
    )
    whole = found.pop("whole")
    for name, part in found.items():
        own = SLICES[name][1]
        assert torch.allclose(part, whole[own], atol=1e-3), name
        assert not torch.allclose(part, whole[: len(own)], atol=1e-2), name
    assert max(scene.moved(whole)) > 10 * NEAR
    said = "latent keyframes count the frames of the whole noise, of which these are a part"
    assert comfy.log_text()[before:].count(said) == 2 * len(parts)  # as it begins, and at its end


def test_prompts_for_the_slice_alone_stay_as_they_are(comfy):
    scene = Scene(comfy, "own-slice")
    noise = scene.unsample(scene.text(SOURCE))
    part = cut(scene, noise, 2, 4)
    own = ade_of_latents(scene, TARGET, SOURCE, 4)
    found = scene.run(part=scene.resample(part, own), whole=scene.resample(noise, scene.text(TARGET)))
    assert torch.allclose(found["part"], found["whole"][2:], atol=1e-3)


def test_the_template_restyles_each_frame_by_its_own_prompt(comfy, tmp_path):
    prompt = committed_prompt(CROSS_FADE)
    on_small_sd15(comfy, prompt, tmp_path)
    noise, restyled, source = restyled_twice(comfy, prompt, "cross-fade", tmp_path)
    assert len(restyled) == len(source) == len(noise) == 4
    moved = (restyled - source).flatten(1).norm(dim=1)
    assert moved.min() > 1e-3 and moved.std() > 0


def over_steps(bench: Bench, *parts: tuple[float, float, float]):
    """Prompts by value, each between two shares of the steps."""
    made = None
    for value, start, end in parts:
        one = bench.graph.add(
            "ConditioningSetTimestepRange", conditioning=bench.condition(value), start=start, end=end
        )
        both = {"conditioning_1": made, "conditioning_2": one}
        made = one if made is None else bench.graph.add("ConditioningCombine", **both)
    return made


RANGES = {
    "meet": [(SOURCE_VALUE, 0.0, 0.5), (TARGET_VALUE, 0.5, 1.0)],
    "overlap": [(SOURCE_VALUE, 0.0, 0.6), (TARGET_VALUE, 0.4, 1.0)],
    "within": [(SOURCE_VALUE, 0.0, 1.0), (TARGET_VALUE, 0.3, 0.4)],
    "leave a gap": [(SOURCE_VALUE, 0.0, 0.3), (TARGET_VALUE, 0.6, 1.0)],
}


@pytest.mark.parametrize("solver", ["midpoint", "dpmpp_2m"])
@pytest.mark.parametrize("name", RANGES)
def test_ranges_of_steps_act_at_the_same_sigmas_in_both_passes(comfy, name, solver):
    """With a direct path, from below the top, and from inside a step; midpoint asks within steps too."""
    bench, before = Bench.set_up(comfy, f"ranges-{name}-{solver}"), len(comfy.log_text())
    positive = over_steps(bench, *RANGES[name])
    noise = bench.unsample(bench.ays(6), positive=positive, solver=solver, direct=0.4)
    partly = bench.unsample(bench.ays(6), positive=positive, solver=solver, end=0.7)
    found = bench.run(
        back=bench.resample(noise, positive=positive),
        inside=bench.resample(noise, positive=positive, structure=0.25),
        partly=bench.resample(partly, positive=positive),
    )
    assert max(map(bench.error, found.values())) < 1e-6
    asked: dict[float, set[tuple[float, ...]]] = {}
    for call in bench.calls():
        asked.setdefault(call["sigma"], set()).add(tuple(sorted(call["values"])))
    shares = {"meet": 2, "overlap": 3, "within": 2, "leave a gap": 2}
    assert all(len(values) == 1 for values in asked.values())
    assert len(set.union(*asked.values())) <= shares[name] and len(asked) >= 5
    told = "positive has no prompt at sigma" in comfy.log_text()[before:]
    assert told == (name == "leave a gap")


def test_other_ranges_on_the_way_down_are_an_edit(comfy):
    bench = Bench.set_up(comfy, "ranges-edit")
    noise = bench.unsample(bench.ays(6), positive=over_steps(bench, *RANGES["meet"]))
    found = bench.run(other=bench.resample(noise, positive=over_steps(bench, *RANGES["within"]), cfg=2.0))
    assert bench.error(found["other"]) > 1e-3 and found["other"].isfinite().all()
