"""The direct path in the real host: exact on the source, asked as it should be, and refused in a sentence."""

import pytest
import torch
from host_passes import EMPTY, SOURCE, TARGET, Bench, two_hills
from host_windows import WINDOWS, cut
from support_nodes.mixture import Mixture

from tools.client import RunError
from unsampling import solvers
from unsampling.direct import BARE_CALLS, TONE_CALLS

EXACT = 1e-6
FAINT = 0.3  # of a picture that does not show through the first noise of SD1.5's schedule


@pytest.mark.parametrize("solver", solvers.recorded())
@pytest.mark.parametrize(
    "settings",
    [{"direct": -1.0}, {"direct": 0.5, "record": "half"}, {"direct": 1.0}, {"direct": -1.0, "end": 0.4}],
    ids=["auto", "half record", "all", "climb to the path"],
)
def test_the_round_trip_is_exact(comfy, solver, settings):
    bench = Bench.set_up(comfy, f"direct-{solver}-{len(str(settings))}")
    noise = bench.unsample(bench.ays(), solver=solver, **settings)
    found = bench.run(clip=bench.resample(noise), edit=bench.resample(noise, 2.0, TARGET))
    assert bench.error(found["clip"]) < EXACT
    assert bench.error(found["edit"]) > 0.3


@pytest.mark.parametrize("direct", [0.0, -1.0])
def test_hold_is_exact_on_the_source_and_nearer_to_it_elsewhere(comfy, direct):
    bench = Bench.set_up(comfy, f"direct-hold-{direct}")
    noise = bench.unsample(bench.ays(), direct=direct)
    found = bench.run(
        clip=bench.resample(noise, hold=0.5),
        free=bench.resample(noise, 1.0, TARGET),
        held=bench.resample(noise, 1.0, TARGET, hold=1.0),
    )
    assert bench.error(found["clip"]) < EXACT
    assert not torch.allclose(found["held"], found["free"], atol=1e-2)


def swelling() -> Mixture:
    """One soft picture a condition, around which the target spreads more: what it adds differs from frame to
    frame, while the source's frames are alike."""
    picture = soft()
    return Mixture(
        values=torch.tensor([EMPTY, SOURCE, TARGET]),
        means=torch.stack([picture, picture, picture + 1]).reshape(3, 1, 4, 8, 8),
        stds=torch.tensor([[0.1], [0.1], [0.5]]),
        log_weights=torch.zeros(3, 1),
    )


@pytest.mark.parametrize("direct", [0.0, -1.0])
@pytest.mark.parametrize("windows", [None, *WINDOWS])
def test_steady_is_exact_on_the_source_and_calmer_elsewhere(comfy, windows, direct):
    frames = 8 if windows is None else 32
    name = f"direct-steady-{windows}-{direct}"
    bench = Bench.set_up(comfy, name, frames=frames, mixture=swelling(), window_bias=0.3)
    if windows is not None:
        cut(bench, windows)
    noise = bench.unsample(bench.ays(), direct=direct)
    found = bench.run(
        clip=bench.resample(noise, hold=0.5, steady=1.0),
        free=bench.resample(noise, 1.0, TARGET),
        steady=bench.resample(noise, 1.0, TARGET, steady=1.0),
    )
    assert bench.error(found["clip"]) < EXACT
    free, steady = (restless(found[name] - bench.clip / 0.18215) for name in ("free", "steady"))
    assert steady < 0.8 * free


def restless(edit: torch.Tensor) -> float:
    """How much of an edit changes from frame to frame."""
    return float(edit.diff(dim=0).norm() / edit.norm())


def test_guidance_acts_below_the_path_alone(comfy):
    bench = Bench.set_up(comfy, "direct-cfg")
    noise = bench.unsample(bench.ays(), direct=0.5)
    bench.run(edit=bench.resample(noise, 3.0, TARGET))
    calls = bench.calls()
    # the clip shows through 14.6, so both passes ask of noise alone, and the resampler for the tone too
    up, before, down = calls[: 27 + BARE_CALLS], BARE_CALLS + TONE_CALLS, calls[27 + BARE_CALLS :]
    assert all(len(call["cond_or_uncond"]) == 1 for call in up + down[: before + 8])
    assert all(len(call["cond_or_uncond"]) == 2 for call in down[before + 8 :])
    fresh = [call["sigma"] for call in up[19:27]]
    assert [call["sigma"] for call in down[before : before + 8]] == fresh == sorted(fresh, reverse=True)
    assert [call["sigma"] for call in up[27:] + down[:before]] == [fresh[0]] * (BARE_CALLS + before)
    assert len(down) == before + 16


def test_as_much_structure_as_there_is_makes_and_tells_of_no_call(comfy):
    """Nor one that would look whether dark and bright change places."""
    bench = Bench.set_up(comfy, "direct-full-structure", mixture=turned(-1.0, FAINT))
    before = len(comfy.log_text())
    noise = bench.unsample(bench.ays(), direct=0.5)
    more = {"structure": 1.0, "turn_lightness": "auto"}
    found = bench.run(clip=bench.resample(noise, 1.0, TARGET, **more))
    assert bench.error(found["clip"]) < EXACT
    assert "resampling, 0 model calls" in comfy.log_text()[before:]


def test_the_path_has_the_unsamplings_own_guidance(comfy):
    """The same settings come back exactly, at a cfg that is not 1 too."""
    bench = Bench.set_up(comfy, "direct-cfg-2")
    noise = bench.unsample(bench.ays(), 2.0, direct=0.5)
    found = bench.run(clip=bench.resample(noise, 2.0), other=bench.resample(noise, 1.0))
    assert bench.error(found["clip"]) < EXACT < bench.error(found["other"])


def test_a_queue_again_gives_the_same_and_another_variation_another_take(comfy):
    takes = []
    for again, variation in ((1, 0), (2, 0), (3, 7)):
        bench = Bench.set_up(comfy, f"direct-again-{again}")
        noise = bench.unsample(bench.ays(), direct=-1.0, variation=variation)
        takes.append(bench.run(edit=bench.resample(noise, 1.0, TARGET), clip=bench.resample(noise)))
        assert bench.error(takes[-1]["clip"]) < EXACT
    assert torch.equal(takes[0]["edit"], takes[1]["edit"])
    assert not torch.allclose(takes[0]["edit"], takes[2]["edit"], atol=1e-3)


@pytest.mark.parametrize("windows", WINDOWS)
def test_windows_are_the_same_for_both_answers(comfy, windows):
    bench = Bench.set_up(comfy, f"direct-{windows}", frames=32, window_bias=0.3)
    cut(bench, windows)
    noise = bench.unsample(bench.ays(), direct=-1.0)
    found = bench.run(clip=bench.resample(noise), edit=bench.resample(noise, 2.0, TARGET))
    assert bench.error(found["clip"]) < EXACT
    assert bench.error(found["edit"]) > 0.1


@pytest.mark.parametrize("windows", WINDOWS[3:])
@pytest.mark.parametrize("down", [{"direct": 0.0}, {"structure": 0.75}], ids=["no path", "below it"])
def test_windows_lie_where_they_lay_if_the_path_is_not_walked(comfy, windows, down):
    bench = Bench.set_up(comfy, f"direct-off-{windows}-{len(down)}", frames=32, window_bias=0.3)
    cut(bench, windows)
    noise = bench.unsample(bench.ays(), direct=0.6, end=0.5)
    found = bench.run(clip=bench.resample(noise, **down))
    assert bench.error(found["clip"]) < EXACT


def advanced(bench: Bench, noise, guider, **inputs):
    given = {"guider": guider, "noise": noise, "structure": 0.0} | inputs
    return bench.graph.add("UNS_NoiselessResamplerAdvanced", **given)


@pytest.mark.parametrize("cfg", [1.0, 2.0])
def test_a_guider_without_a_negative_takes_the_path_of_noise_made_at_cfg_1(comfy, cfg):
    bench = Bench.set_up(comfy, f"direct-basic-{cfg}")
    noise = bench.unsample(bench.ays(), cfg, direct=1.0)
    target = bench.condition(TARGET)
    basic = bench.graph.add("BasicGuider", model=bench.model, conditioning=target)
    if cfg == 2:
        sentence = (
            "guider has no negative, so the direct path cannot be asked at cfg 2, .*; use CFG Guider, set"
        )
        with pytest.raises(RunError, match=sentence):
            bench.run(edit=advanced(bench, noise, basic))
        return
    found = bench.run(
        basic=advanced(bench, noise, basic), plain=advanced(bench, noise, cfg_guider(bench, target))
    )
    assert torch.equal(found["basic"], found["plain"])


def cfg_guider(bench: Bench, target):
    given = {"model": bench.model, "positive": target, "negative": bench.condition(EMPTY)}
    return bench.graph.add("CFGGuider", cfg=1.0, **given)


@pytest.mark.parametrize("knob", ["hold", "steady"])
def test_the_advanced_node_has_the_same_knobs(comfy, knob):
    mixture = {"hold": two_hills, "steady": swelling}[knob]()
    bench = Bench.set_up(comfy, f"direct-advanced-{knob}", mixture=mixture)
    noise = bench.unsample(bench.ays(), direct=0.5)
    guider = cfg_guider(bench, bench.condition(TARGET))
    found = bench.run(
        free=advanced(bench, noise, guider),
        turned=advanced(bench, noise, guider, **{knob: 1.0}),
        other=bench.resample(noise, 1.0, TARGET, **{knob: 1.0}),
    )
    assert not torch.allclose(found["turned"], found["free"], atol=1e-2)
    assert torch.equal(found["turned"], found["other"])


def test_frames_added_lose_the_path_and_say_so(comfy):
    bench = Bench.set_up(comfy, "direct-added")
    noise = bench.unsample(bench.ays(), direct=0.5)
    longer = bench.graph.add("LatentBatch", samples1=noise, samples2=bench.latent)
    bench.run(clip=bench.resample(longer, 1.0, TARGET))
    assert "not exact, and without a direct path" in comfy.log_text()
    sentence = (
        "frames were added to the noise, or cut and changed, so its record is lost, which direct, hold and"
        " steady above 0 need; connect the Exact Unsampler's noise as it is, or set direct, hold and steady"
        " to 0"
    )
    with pytest.raises(RunError, match=sentence):
        bench.run(clip=bench.resample(longer, 1.0, TARGET, direct=0.5, hold=0.5, steady=0.5))


def test_a_slice_of_the_noise_keeps_the_noise_of_its_frames(comfy):
    bench = Bench.set_up(comfy, "direct-slice", frames=8)
    noise = bench.unsample(bench.ays(), direct=-1.0)
    part = bench.graph.add("LatentFromBatch", samples=noise, batch_index=3, length=4)
    found = bench.run(
        clip=bench.resample(part),
        edit=bench.resample(part, 1.0, TARGET),
        whole=bench.resample(noise, 1.0, TARGET),
    )
    source = bench.clip[3:7] / 0.18215
    assert float((found["clip"] - source).norm() / source.norm()) < EXACT
    # the exact model judges every frame alone
    assert torch.allclose(found["edit"], found["whole"][3:7], atol=1e-4)


def test_old_prompts_take_no_path(comfy):
    """A prompt of an earlier version does not name the input."""
    bench = Bench.set_up(comfy, "direct-old")
    bench.run(clip=bench.resample(bench.unsample(bench.ays())))
    assert len(bench.calls()) == 19 + 17


SAME = "the direct path changed nothing, since the noise was made with this very prompt: describe the source"


@pytest.mark.parametrize(("made_with", "said"), [(TARGET, 1), (SOURCE, 0)])
def test_noise_of_the_target_prompt_is_said_to_make_no_edit(comfy, made_with, said):
    bench = Bench.set_up(comfy, f"direct-same-{made_with}")
    noise = bench.unsample(bench.ays(), positive=bench.condition(made_with), direct=-1.0)
    before = comfy.log_text().count(SAME)
    bench.run(edit=bench.resample(noise, 1.0, TARGET))
    assert comfy.log_text().count(SAME) == before + said


ACROSS = "the new look is dark where the source is bright, or the other way round"


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ({"turn_lightness": "auto"}, f"; lightness was turned round, since {ACROSS}"),
        ({"turn_lightness": "off"}, f"; {ACROSS}: set turn_lightness to auto"),
        ({}, f"; {ACROSS}: set turn_lightness to auto"),
    ],
    ids=["auto", "off", "earlier prompt"],
)
def test_a_look_across_lightness_is_turned_round_or_told_of(comfy, turn, said):
    """A source that is near -1 or 1 at random places, and a look that has each the other way round."""
    for sign, across in ((-1.0, True), (1.0, False)):
        bench = Bench.set_up(comfy, f"direct-across-{sign}-{turn}", mixture=turned(sign, FAINT))
        noise = bench.unsample(bench.ays(), direct=0.75)
        before = comfy.log_text().count(said)
        found = bench.run(
            edit=bench.resample(noise, 1.0, TARGET, **turn),
            on=bench.resample(noise, 1.0, TARGET, turn_lightness="on"),
            off=bench.resample(noise, 1.0, TARGET, turn_lightness="off"),
            clip=bench.resample(noise, **turn),
        )
        assert (comfy.log_text().count(said) > before) == across
        like = "on" if across and turn.get("turn_lightness") == "auto" else "off"
        assert torch.equal(found["edit"], found[like])
        assert not torch.allclose(found["on"], found["off"], atol=0.05)
        assert bench.error(found["clip"]) < EXACT


@pytest.mark.parametrize(
    "how", [{"structure": 0.3}, {"direct": 0.0}, {"direct": 0.2, "variation": 4}], ids=str
)
def test_a_pass_that_starts_below_looks_at_the_top_first(comfy, how):
    bench = Bench.set_up(comfy, f"direct-below-{len(str(how))}", mixture=turned(-1.0, FAINT))
    noise, said = (
        bench.unsample(bench.ays(), direct=0.75),
        f"; lightness was turned round, since {ACROSS}",
    )
    before = comfy.log_text().count(said)
    found = bench.run(
        auto=bench.resample(noise, 1.0, TARGET, turn_lightness="auto", **how),
        on=bench.resample(noise, 1.0, TARGET, turn_lightness="on", **how),
        clip=bench.resample(noise, turn_lightness="auto", **how),
    )
    assert comfy.log_text().count(said) - before == 1  # on does not look
    assert torch.equal(found["auto"], found["on"])
    assert bench.error(found["clip"]) < EXACT


@pytest.mark.parametrize("structure", [0.0, 0.3])
def test_from_a_schedule_that_begins_low_nothing_is_looked_at(comfy, structure):
    bench, before = (
        Bench.set_up(comfy, f"direct-low-{structure}", mixture=turned(-1.0)),
        len(comfy.log_text()),
    )
    noise = bench.unsample(bench.ays(), direct=0.75)
    auto, on, off = (
        bench.resample(noise, 1.0, TARGET, structure=structure, turn_lightness=turn)
        for turn in ("auto", "on", "off")
    )
    found = bench.run(auto=auto, on=on, off=off)
    assert torch.equal(found["auto"], found["off"])
    assert not torch.allclose(found["on"], found["off"], atol=0.1)
    assert ACROSS not in comfy.log_text()[before:]


@pytest.mark.parametrize("windows", WINDOWS[:2])
def test_lightness_turned_round_is_the_same_again_in_windows(comfy, windows):
    clips = []
    for again in (1, 2):
        bench = Bench.set_up(comfy, f"direct-mirror-{windows}-{again}", frames=32, window_bias=0.3)
        cut(bench, windows)
        noise = bench.unsample(bench.ays(), direct=-1.0)
        found = bench.run(
            on=bench.resample(noise, 2.0, TARGET, turn_lightness="on"),
            off=bench.resample(noise, 2.0, TARGET),
        )
        assert not torch.allclose(found["on"], found["off"], atol=0.1)
        clips.append(found["on"])
    assert torch.equal(*clips)


def turned(sign: float, strength: float = 1.0) -> Mixture:
    """One soft picture a condition; the target's is the source's, or its negative."""
    picture = strength * (soft() + 1)
    pictures = torch.stack([picture, picture, sign * picture])
    return Mixture(
        values=torch.tensor([EMPTY, SOURCE, TARGET]),
        means=pictures.reshape(3, 1, 4, 8, 8),
        stds=torch.full((3, 1), 0.3 * strength),
        log_weights=torch.zeros(3, 1),
    )


def soft() -> torch.Tensor:
    """A picture of one wave across and one down."""
    wave = torch.linspace(0, 2 * torch.pi, 9)[:8].sin()
    return (wave[:, None] + wave).expand(4, 8, 8)


def test_changed_noise_is_said_to_have_no_effect(comfy):
    bench = Bench.set_up(comfy, "direct-edited")
    noise = bench.unsample(bench.ays(), direct=-1.0)
    other = bench.graph.add("LatentMultiply", samples=noise, multiplier=1.1)
    found = bench.run(edit=bench.resample(other, 1.0, TARGET), plain=bench.resample(noise, 1.0, TARGET))
    assert torch.equal(found["edit"], found["plain"])
    words = "the direct path starts from the record, so the change made to the noise has no effect"
    assert words in comfy.log_text()


def test_a_path_longer_than_the_answers_goes_as_far_as_they_do_and_says_so(comfy):
    bench = Bench.set_up(comfy, "direct-longer")
    noise = bench.unsample(bench.ays(), direct=0.25)
    long = bench.resample(noise, 1.0, TARGET, direct=0.5)
    found = bench.run(
        long=long, own=bench.resample(noise, 1.0, TARGET), back=bench.resample(noise, direct=0.9)
    )
    assert torch.equal(found["long"], found["own"])
    words = "direct is 0.5, 8 steps, and the noise has the source's answers for 4: the path takes these"
    assert words in comfy.log_text()


REFUSED = {
    "none kept": (
        {"direct": 0.0},
        {"direct": 0.5},
        "Noiseless Resampler: direct is 0.5, 8 steps, and the record has the source's answers for 0; lower"
        " direct here, or raise it in the Exact Unsampler",
    ),
    "no record": (
        {"direct": 0.25, "record": "off"},
        {},
        "Exact Unsampler: direct above 0 needs the record of the unsampling; switch record on in the Exact"
        " Unsampler, with a solver other than ees25, or set direct to 0",
    ),
    "above the noise": (
        {"direct": 0.25, "end": 0.5},
        {},
        "Exact Unsampler: direct reaches step 4, the noise lies at step 8; set direct to at least 0.5, to 0,"
        " or raise end",
    ),
}


@pytest.mark.parametrize("up, down, sentence", REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_fit_is_refused_in_one_sentence(comfy, up, down, sentence):
    bench = Bench.set_up(comfy, f"direct-refused-{len(sentence)}")
    noise = bench.unsample(bench.ays(), **up)
    with pytest.raises(RunError, match=sentence):
        bench.run(clip=bench.resample(noise, **down))


@pytest.mark.parametrize(
    ("name", "upwards"), [("direct", True), ("direct", False), ("hold", False), ("steady", False)]
)
def test_a_core_sampler_keeps_neither(comfy, name, upwards):
    bench = Bench.set_up(comfy, f"direct-core-{name}-{upwards}")
    down = bench.through_core("euler")
    nodes = bench.graph.prompt
    node = nodes[down.id]["inputs"]["noise"][0] if upwards else down.id
    nodes[node]["inputs"][name] = 0.5
    with pytest.raises(RunError, match=f"{name} above 0 needs a record, which a core sampler does not keep"):
        bench.run(clip=down)
