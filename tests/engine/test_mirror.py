"""The model in a mirror of lightness: a reflection, the pass of a turned world, and when it is asked so."""

from dataclasses import replace
from functools import partial

import pytest
import sigma_lists
import torch
from analytic_denoisers import IMAGES, OTHER, VIDEO, Spy, clip, denoiser, world
from hypothesis import given, settings
from hypothesis import strategies as st
from test_start import BEFORE

from unsampling import resample, schedules, solvers, steps, takes, unsample
from unsampling.across import MOST, calls_before, lies_across
from unsampling.inversion import calls_falling
from unsampling.mirror import Mirror, of_colours, of_pixels

AYS = schedules.ays("SD1", 16)
FLOW = sigma_lists.flow(12)
HIGH = sigma_lists.karras(16, high=250.0)  # the clip does not show through the noise at its top
# and how much is asked before a path that no mirror turns round
TOPS = pytest.mark.parametrize("sigmas, before", [(AYS, BEFORE), (HIGH, 0)], ids=["shows", "high"])


def of_latents(flow=False, level=0.3):
    direction = torch.tensor([0.5, -0.5, 0.1, 0.7])
    return Mirror(direction / direction.norm(), level, flow)


@given(st.integers(0, 99), st.floats(-2, 2), st.floats(0, 1), st.booleans(), st.sampled_from([IMAGES, VIDEO]))
@settings(max_examples=50, deadline=None)
def test_twice_is_the_latent_itself_and_white_noise_stays_white(seed, level, sigma, flow, shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    mirror = of_latents(flow, level)
    assert torch.allclose(mirror(mirror(x, sigma), sigma), x, atol=1e-5)
    turned = mirror(x, sigma) - mirror(torch.zeros_like(x), sigma)
    assert torch.allclose(turned.norm(), x.norm(), rtol=1e-5)


@given(st.integers(0, 99), st.integers(3, 16))
@settings(max_examples=50, deadline=None)
def test_lightness_is_turned_round_and_what_has_none_stays(seed, channels):
    random = torch.Generator().manual_seed(seed)
    factors, bias = torch.randn(channels, 3, generator=random), torch.randn(3, generator=random)
    x = torch.randn(2, channels, 4, 4, generator=random)

    def lightness(latent):
        return (torch.einsum("nchw,cr->nrhw", latent, factors) + bias.view(1, 3, 1, 1)).mean(1)

    turned = of_colours(factors, bias)(x)
    assert torch.allclose(lightness(turned), -lightness(x), atol=1e-3)
    across = factors.mean(1)
    others = torch.linalg.svd(across[None]).Vh[1:]
    assert torch.allclose(*(torch.einsum("nchw,kc->nkhw", y, others) for y in (turned, x)), atol=1e-3)


def test_pixels_keep_their_hue():
    red = torch.tensor([0.8, -0.6, -0.6]).view(1, 3, 1, 1)
    turned = of_pixels()(red)
    assert torch.allclose(turned.mean(), -red.mean(), atol=1e-6)
    assert torch.allclose(turned - turned.mean(), red - red.mean(), atol=1e-6)


def test_colours_without_lightness_are_none():
    with pytest.raises(ValueError, match="no lightness"):
        of_colours(torch.tensor([[1.0, -1.0, 0.0]]), torch.zeros(3))


@pytest.mark.parametrize("solver", solvers.PAIRS)
@pytest.mark.parametrize("shape, flow", [(IMAGES, False), (VIDEO, False), (IMAGES, True), (VIDEO, True)])
@pytest.mark.parametrize("how", [{}, {"structure": 0.3}, {"hold": 0.5, "steady": 0.5}])
def test_the_pass_is_that_of_a_turned_clip_in_a_turned_world(solver, shape, flow, how):
    """Asking the model through the mirror is turning the clip, its model, its noise and its record round."""
    # the first question of a rise asks about the clip itself, which a flow model takes for a faded one
    place, mirror = world(shape, flow), of_latents(flow, level=0.0 if flow else 0.3)
    x0, denoise, edit = clip(place), denoiser(place), denoiser(place, OTHER)
    sigmas, record = FLOW if flow else AYS, solver != "ees25"
    how = how if record else {}
    inversion = unsample(denoise, x0, sigmas, solver, record, flow=flow)
    there = unsample(mirror.seen(denoise), mirror(x0), sigmas, solver, record, flow=flow)
    assert torch.allclose(there.noise, mirror(inversion.noise, float(sigmas[0])), atol=1e-3, rtol=1e-4)
    seen = resample(edit, inversion, mirror=mirror, turn=True, flow=flow, **how)
    if "hold" not in how:  # the layout of each channel is held: of other channels in the other world
        assert torch.allclose(seen, resample(edit, there, flow=flow, **how), atol=2e-3)
    assert torch.allclose(seen, mirror(resample(mirror.seen(edit), inversion, flow=flow, **how)), atol=1e-4)
    assert not torch.allclose(seen, resample(edit, inversion, flow=flow, **how), atol=0.1)


@pytest.mark.parametrize("flow", [False, True])
@pytest.mark.parametrize("solver", solvers.recorded())
def test_a_model_that_answers_as_the_source_turned_round_gives_the_turned_source(solver, flow):
    place, mirror = world(IMAGES, flow), of_latents(flow)
    x0, denoise = clip(place), denoiser(place)
    inversion = unsample(denoise, x0, FLOW if flow else AYS, solver, direct=0.5, flow=flow)
    back = resample(mirror.seen(denoise), inversion, mirror=mirror, turn=True, flow=flow)
    assert torch.allclose(back, mirror(x0), atol=1e-3)


def lit_scene():
    """A clip of large shapes whose lightness alone changes, seen at the top of the schedule already."""
    rows, columns = torch.meshgrid(torch.arange(16) / 16, torch.arange(16) / 16, indexing="ij")
    waves = torch.sin(2 * torch.pi * (columns + 2 * rows)).expand(3, 1, -1, -1)
    mirror = of_latents(level=0.0)
    x0 = (waves + 1) * mirror.direction.view(1, -1, 1, 1)

    def denoise(x, sigma, step):
        return x0 + (x - x0) / (1 + float(sigma) ** 2)

    return x0, denoise, mirror


@pytest.mark.parametrize(
    ("tone", "other", "across"),
    [(1.5, -1.5, True), (-1.5, 1.5, True), (1.5, 1.0, False), (0.2, -0.2, False), (-1.5, -1.0, False)],
)
def test_only_looks_on_the_two_sides_of_grey_are_across(tone, other, across):
    """Layouts that are opposite by chance are not enough."""
    x0, _, mirror = lit_scene()
    lit = mirror.direction.view(1, -1, 1, 1)
    waves = x0 - lit
    answer, own = other * lit - waves, tone * lit + waves
    assert lies_across(answer, own, own, mirror) is across
    assert lies_across(answer, own, own)
    assert lies_across(other * lit + waves, own, own, mirror) is False
    blank = torch.randn(x0.shape, generator=torch.Generator().manual_seed(3))
    assert lies_across(answer, blank, x0, mirror) is None


@pytest.mark.parametrize("solver", solvers.recorded())
def test_a_look_across_is_turned_round_by_itself_and_told_of(solver):
    x0, denoise, mirror = lit_scene()
    inversion = unsample(denoise, x0, HIGH, solver, direct=0.5)
    told, calls = [], []
    how = {"mirror": mirror, "across": told.append, "callback": lambda *call: calls.append(call[:3])}
    found = resample(mirror.seen(denoise), inversion, **how)
    assert told == [True]
    assert torch.equal(found, resample(mirror.seen(denoise), inversion, mirror=mirror, turn=True))
    assert torch.allclose(found, mirror(x0), atol=1e-3)
    # the top step's answer tells, and is asked for again
    assert [call for call, _, _ in calls] == list(range(1, len(calls) + 1))
    assert calls[-1][:2] == (len(calls), len(calls))
    assert len(calls) == calls_falling(inversion) + 1
    assert [sigma for _, _, sigma in calls].count(float(HIGH[0])) == 2


@pytest.mark.parametrize("solver", solvers.recorded())
@pytest.mark.parametrize("record", [True, "half"])
def test_the_source_itself_comes_back_to_the_bit_beside_a_mirror(solver, record):
    x0, denoise, mirror = lit_scene()
    inversion = unsample(denoise, x0, HIGH, solver, record, direct=0.5)
    told = []
    assert torch.equal(resample(denoise, inversion, mirror=mirror, across=told.append), x0)
    assert told == [False]


BELOW = [
    {"structure": 0.2},
    {"direct": 0.0},
    {"direct": 0.2},
    {"structure": 0.7},
    {"structure": 0.2, "direct": 0.0},
]


@pytest.mark.parametrize("how", BELOW)
@pytest.mark.parametrize("solver", solvers.recorded())
def test_a_pass_that_starts_below_looks_at_the_top_first(solver, how):
    x0, denoise, mirror = lit_scene()
    inversion, down = unsample(denoise, x0, HIGH, solver, direct=0.5), Spy(mirror.seen(denoise))
    told, calls = [], []
    found = resample(down, inversion, mirror=mirror, across=told.append, callback=partial(keep, calls), **how)
    look, path = mirror.seen(denoise), steps.path(inversion, how.get("structure", 0.0), how.get("direct"))
    assert told == [True]
    assert torch.equal(found, resample(look, inversion, mirror=mirror, turn=True, **how))
    assert not torch.allclose(found, resample(look, inversion, turn=False, **how), atol=0.003)
    made = calls_falling(inversion, **how) + 1
    assert [call[:2] for call in calls] == [(1, made - 1)] + [(i + 1, made) for i in range(1, made)]
    assert down.steps[: 1 + len(path)] == [0, *path]


@pytest.mark.parametrize("how", [{}, *BELOW])
@pytest.mark.parametrize("variation", [0, 3])
def test_where_the_clip_shows_through_the_noise_nothing_is_looked_at(how, variation):
    """Its own lightness is in every answer there, and a path's has what it begins with as well: what is found
    must not depend on the step at which a pass begins."""
    x0, denoise, mirror = lit_scene()
    inversion, look = unsample(denoise, x0, AYS, direct=0.5), mirror.seen(denoise)
    path = steps.path(inversion, how.get("structure", 0.0), how.get("direct"))
    inversion = takes.vary(denoise, inversion, variation, path) if variation else inversion
    told, calls, clips = [], [], []
    for turn in (None, False):
        given_all = {"mirror": mirror, "turn": turn, "across": told.append} | how
        clips.append(resample(look, inversion, callback=partial(keep, calls), **given_all))
        assert calls_before(inversion, path, mirror, turn) == 0
    assert told == [] and torch.equal(*clips)
    assert [call[:2] for call in calls] == [(i + 1, len(calls) // 2) for i in range(len(calls) // 2)] * 2
    assert len(calls) // 2 == calls_falling(inversion, **how)


@TOPS
@pytest.mark.parametrize("how", [{}, *BELOW])
@pytest.mark.parametrize("solver", solvers.recorded())
def test_a_pass_through_the_mirror_makes_the_calls_that_it_tells_of(solver, how, sigmas, before):
    """And asks nothing before its path."""
    x0, denoise, mirror = lit_scene()
    inversion, down, told = unsample(denoise, x0, sigmas, solver, direct=0.5), Spy(mirror.seen(denoise)), []
    path = steps.path(inversion, how.get("structure", 0.0), how.get("direct"))
    resample(down, inversion, mirror=mirror, turn=True, callback=partial(keep, told), **how)
    made = len(down.calls)
    assert made == calls_falling(inversion, **how, turned=True)
    assert made == calls_falling(inversion, **how) - before * bool(path)
    assert [call[:2] for call in told] == [(i + 1, made) for i in range(made)]
    assert down.steps[: len(path)] == list(path)
    # nothing is turned round without a mirror, and the pass is any other
    other = []
    resample(denoise, inversion, turn=True, callback=partial(keep, other), **how)
    assert other[-1][:2] == (calls_falling(inversion, **how),) * 2


@pytest.mark.parametrize("unseen", range(MOST))
@pytest.mark.parametrize("solver", solvers.recorded())
def test_a_turn_that_is_found_on_the_path_costs_a_call(solver, unseen):
    """The path begins again at the answer that told."""
    x0, denoise, mirror = lit_scene()

    def late(x, sigma, step):  # at so many steps from the top it sees nothing of the clip
        return denoise(x, sigma, step) if step >= unseen else torch.zeros_like(x)

    inversion, down, told = unsample(late, x0, HIGH, solver, direct=0.5), Spy(mirror.seen(late)), []
    resample(down, inversion, mirror=mirror, callback=partial(keep, told))
    made, planned = len(down.calls), calls_falling(inversion)
    assert made == planned + 1
    assert [call[:2] for call in told] == [(i + 1, planned if i <= unseen else made) for i in range(made)]
    assert down.steps[:9] == [*range(unseen + 1), *range(unseen, 8)]


def test_a_frame_that_starts_below_changes_nothing_of_what_the_others_tell():
    x0, denoise, mirror = lit_scene()
    inversion, look, told = unsample(denoise, x0, HIGH, direct=0.5), mirror.seen(denoise), []
    resample(look, inversion, torch.tensor([0.2, 0.4, 0.4]), mirror=mirror, across=told.append)
    assert told == [True]


@pytest.mark.parametrize("how", BELOW)
@pytest.mark.parametrize("variation", [0, 3])
def test_the_source_comes_back_to_the_bit_though_the_pass_looks_first(how, variation):
    x0, denoise, mirror = lit_scene()
    inversion, told = unsample(denoise, x0, HIGH, direct=0.5), []
    if variation:
        path = steps.path(inversion, how.get("structure", 0.0), how.get("direct"))
        inversion = takes.vary(denoise, inversion, variation, path)
    assert torch.equal(resample(denoise, inversion, mirror=mirror, across=told.append, **how), x0)
    assert told == [False]


def keep(calls, *call):
    calls.append(call)


def test_each_take_looks_at_the_same_answers():
    """A take's own are asked for the steps of its path alone."""
    x0, denoise, mirror = lit_scene()
    inversion, look, seen = unsample(denoise, x0, HIGH, direct=0.5), mirror.seen(denoise), []
    for variation in (1, 2):
        told, calls = [], []
        take = takes.vary(denoise, inversion, variation, steps.path(inversion, 0.2, None))
        how = {"mirror": mirror, "across": told.append}
        resample(look, take, 0.2, callback=partial(keep, calls), **how)
        assert told == [True]
        seen.append(calls[0][3])
    assert torch.equal(*seen)


@pytest.mark.parametrize("how", [{"direct": 0.3}, {"structure": 0.1}])
def test_takes_agree_where_no_answer_of_the_noise_tells(how):
    """A take has other noise, whose answers might."""
    x0, denoise, mirror = lit_scene()
    inversion, look = unsample(denoise, x0, HIGH, direct=0.5), mirror.seen(denoise)
    blank = tuple(torch.zeros_like(one) for one in inversion.record.direct.answers)
    record = replace(inversion.record, direct=replace(inversion.record.direct, answers=blank))
    inversion, told = replace(inversion, record=record), []
    path = steps.path(inversion, how.get("structure", 0.0), how.get("direct"))
    for variation in (0, 1, 2):
        take = takes.vary(denoise, inversion, variation, path) if variation else inversion
        resample(look, take, mirror=mirror, across=told.append, **how)
    assert told == [None] * 3


def test_a_path_too_short_to_tell_says_so_and_turns_nothing():
    x0, denoise, mirror = lit_scene()

    def blind(x, sigma, step):  # at the top steps it sees nothing of the clip
        return denoise(x, sigma, step) if sigma < HIGH[2] else torch.zeros_like(x)

    inversion, told = unsample(blind, x0, HIGH, direct=0.1), []
    look = mirror.seen(denoise)
    for how in ({}, {"structure": 0.3}):
        found = resample(look, inversion, mirror=mirror, across=told.append, **how)
        assert torch.equal(found, resample(look, inversion, turn=False, **how))
    assert told == [None, None]


@pytest.mark.parametrize("how", [{"structure": 0.1}, {"direct": 0.3}, {"direct": 0.3, "structure": 0.05}, {}])
@pytest.mark.parametrize("border, most", [(0.0, MOST), (2, MOST), (1, 2), (1e9, MOST)])
@pytest.mark.parametrize("unseen", range(MOST + 2))
@pytest.mark.parametrize("lies", [True, False])
def test_a_look_costs_one_call_at_most(how, border, most, unseen, lies):
    """From the first answer that has seen the source, if it is among those that may be looked at. border: a
    sigma, or the step that has it."""
    x0, denoise, mirror = lit_scene()
    border = float(HIGH[border]) if border in (1, 2) else border

    def late(x, sigma, step):  # at so many steps from the top it sees nothing of the clip
        return denoise(x, sigma, step) if sigma < (1e9, *HIGH)[unseen] else torch.zeros_like(x)

    inversion, told, asked = unsample(late, x0, HIGH, direct=0.7), [], []
    look = mirror.seen(late) if lies else late
    given_all = {"mirror": mirror, "across": told.append, "border": border} | how
    found = resample(look, inversion, callback=partial(keep, asked), **given_all)
    tell = unseen < most
    assert told == [lies if tell else None]
    assert len(asked) == calls_falling(inversion, **how) + int(tell and (bool(how) or lies))
    assert asked[-1][:2] == (len(asked), len(asked))
    if how and tell:
        assert asked[0][2] == float(HIGH[unseen])
    path = steps.path(inversion, how.get("structure", 0.0), how.get("direct"))
    assert calls_before(inversion, path, mirror, None, border) == int(tell and bool(how))
    assert calls_before(inversion, path, mirror, lies) == calls_before(inversion, path, None, None) == 0
    turned = resample(look, inversion, mirror=mirror, turn=lies and tell, **how)
    if how or unseen == 0 or not lies:
        assert torch.equal(found, turned)
    # the steps above the answer that tells weigh next to nothing
    assert torch.allclose(found, turned, atol=1e-3)


def test_a_find_is_never_looked_for_below_the_border():
    """The path would begin again at its top, where the other model answers."""
    x0, denoise, mirror = lit_scene()

    def late(x, sigma, step):
        return denoise(x, sigma, step) if sigma < HIGH[0] else torch.zeros_like(x)

    inversion, look = unsample(late, x0, HIGH, direct=0.7), mirror.seen(late)
    for border, across in ((0.0, True), (float(HIGH[0]), None)):
        told = []
        resample(look, inversion, mirror=mirror, across=told.append, border=border)
        assert told == [across]


def test_noise_without_a_path_tells_nothing():
    x0, denoise, mirror = lit_scene()
    inversion, look, told = unsample(denoise, x0, HIGH), mirror.seen(denoise), []
    found = resample(look, inversion, mirror=mirror, across=told.append)
    assert told == [] and torch.equal(found, resample(look, inversion))
    assert calls_before(inversion, steps.path(inversion, 0.5, None), mirror, None) == 0


def test_off_leaves_a_look_across_as_it_is_but_tells_of_it():
    x0, denoise, mirror = lit_scene()
    inversion, look, told = unsample(denoise, x0, HIGH, direct=0.5), mirror.seen(denoise), []
    for given_mirror in (mirror, None):
        found = resample(look, inversion, mirror=given_mirror, turn=False, across=told.append)
        assert torch.equal(found, resample(look, inversion))
    assert told == [True, True]


def test_what_stays_the_source_is_not_turned_round():
    place, mirror = world(IMAGES), of_latents()
    x0, denoise, edit = clip(place), denoiser(place), denoiser(place, OTHER)
    mask = torch.zeros(len(x0), 1, *x0.shape[2:])
    mask[..., : x0.shape[-1] // 2] = 1
    inversion = unsample(denoise, x0, AYS, mask=mask, direct=0.5)
    structure = torch.zeros(len(x0))
    structure[1] = 1.0
    found = resample(edit, inversion, structure, mirror=mirror, turn=True)
    outside = x0.shape[-1] // 2
    assert torch.equal(found[..., outside:], x0[..., outside:])
    assert torch.equal(found[1], x0[1])
    assert not torch.allclose(found[0, ..., :outside], x0[0, ..., :outside], atol=0.1)


def test_a_preview_shows_what_the_model_sees():
    x0, denoise, mirror = lit_scene()
    inversion, seen, shown = unsample(denoise, x0, AYS, direct=0.5), [], []

    def look(x, sigma, step):
        seen.append((x, mirror.seen(denoise)(x, sigma, step)))
        return seen[-1][1]

    resample(look, inversion, mirror=mirror, turn=True, callback=lambda *call: shown.append(call[3:]))
    for (x, answer), (told_x, told_answer) in zip(seen, shown, strict=True):
        assert torch.allclose(x, told_x, atol=1e-4) and torch.allclose(answer, told_answer, atol=1e-4)
