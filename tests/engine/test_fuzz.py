"""Random schedules, shapes and settings: no crash, no NaN, and the round trip as exact as promised."""

import torch
from analytic_denoisers import OTHER, SOURCE, Spy, clip, denoiser, windowed, world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unsampling import resample, schedules, solvers, unsample
from unsampling.inversion import calls_falling, calls_rising

FUZZ = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

pairs = st.sampled_from(solvers.recorded())
fractions = st.floats(0, 1)
sizes = st.integers(1, 5)
shapes = st.one_of(
    st.tuples(st.integers(1, 9), sizes, sizes, sizes),
    st.tuples(st.integers(1, 2), sizes, st.integers(1, 7), sizes, sizes),
)


@st.composite
def falling(draw, flow):
    """2 to 62 uneven sigmas, the last 0 or not; flow from up to 1, eps from up to 5000."""
    high = draw(st.just(1.0) | st.floats(0.5, 1)) if flow else draw(st.floats(2, 5000))
    steps = draw(st.integers(1, 60))
    logs = torch.tensor(draw(st.lists(st.floats(0.001, 3), min_size=steps, max_size=steps)))
    reach = draw(st.floats(0.5, 9))
    falls = torch.cat([torch.zeros(1), logs.cumsum(0)])
    sigmas = high * torch.exp(-falls * min(1.0, reach / float(falls[-1])))
    sigmas = sigmas[torch.cat([torch.tensor([True]), sigmas.diff() < -1e-4 * sigmas[:-1]])]
    if draw(st.booleans()) or len(sigmas) < 2:
        sigmas = torch.cat([sigmas, torch.zeros(1)])
    return sigmas


@st.composite
def runs(draw):
    flow = draw(st.booleans())
    place = world(draw(shapes), flow, seed=draw(st.integers(0, 5)))
    return place, clip(place), draw(falling(flow)), draw(pairs)


def worst(x, x0):
    return float((x - x0).abs().max() / x0.abs().max())


@FUZZ
@given(runs(), st.floats(0.001, 1), fractions, st.floats(1, 8))
def test_a_recorded_round_trip_is_exact(run, end, structure, cfg):
    place, x0, sigmas, solver = run
    denoise = Spy(windowed(denoiser(place, SOURCE, cfg), place.axis))
    inversion = unsample(denoise, x0, sigmas, solver, end=end)
    assert len(denoise.calls) == calls_rising(solver, sigmas, True, end)
    denoise.calls.clear()
    back = resample(denoise, inversion, structure)
    assert len(denoise.calls) == calls_falling(inversion, structure)
    assert back.shape == x0.shape and back.dtype == x0.dtype
    assert worst(back, x0) <= 1e-6


@FUZZ
@given(runs(), st.floats(0.001, 1), fractions, fractions, st.booleans())
def test_edits_stay_finite_and_repeat_to_the_bit(run, end, structure, fidelity, record):
    place, x0, sigmas, solver = run
    inversion = unsample(denoiser(place), x0, sigmas, solver, record, end)
    edit = denoiser(place, OTHER, 2.0)
    first, second = (resample(edit, inversion, structure if record else 0.0, fidelity) for _ in range(2))
    assert torch.isfinite(inversion.noise).all() and torch.isfinite(first).all()
    assert torch.equal(first, second)


@FUZZ
@given(st.data())
def test_reversed_schedules_rise_from_above_0(data):
    sigmas = data.draw(falling(data.draw(st.booleans())))
    rising = schedules.reverse(sigmas, data.draw(st.floats(1e-4, 1)))
    assert len(rising) == len(sigmas) and rising[0] > 0 and (rising.diff() > 0).all()
    assert torch.equal(rising[1:], sigmas[:-1].flip(0))


@FUZZ
@given(st.sampled_from(["SD1", "SDXL", "SVD"]), st.integers(1, 200), st.floats(0.01, 1), st.floats(0.01, 1))
def test_ays_schedules_are_accepted_and_end_on_a_step(model_type, steps, denoise, end):
    if round(steps * denoise) == 0:
        denoise = 1.0
    sigmas = schedules.check_falling(schedules.ays(model_type, steps, denoise))
    assert 0 <= schedules.start_index(sigmas, end) <= len(sigmas) - 2
