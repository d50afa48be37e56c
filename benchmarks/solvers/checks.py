"""The promises of the project that figures can keep or break: computed here, never assumed."""

from collections.abc import Callable, Iterator
from itertools import product

from torch import Tensor

from benchmarks.report import Check, number, promises
from benchmarks.solvers import schedules
from benchmarks.solvers.distributions import Denoise, unsteady
from benchmarks.solvers.measures import HALVES, Edit, Passes, Scene, edit, passes, relative
from benchmarks.solvers.ways import Way, every_way, way
from unsampling import resample, solvers, unsample

SIXTEEN = schedules.ays(16)
SCHEDULES = {
    "AYS 8": schedules.ays(8),
    "AYS 16": SIXTEEN,
    "AYS 50": schedules.ays(50),
    "karras 16": schedules.karras(16),
    "normal 16": schedules.normal(16),
    "zero terminal SNR (4518)": schedules.karras(16, high=4518.0),
}


def checks(sharp: Scene, smooth: Scene, progress: Callable[[str], None]) -> str:
    """The list as Markdown, one line a promise."""
    progress("what must hold")
    all_checks = [
        *_exact(sharp),
        *_partial(sharp),
        *_calls(sharp),
        *_shaken(sharp),
        *_plain(sharp),
        *_restyled(sharp, "sharp"),
        *_restyled(smooth, "smooth"),
        *_detail(sharp, "sharp"),
        *_detail(smooth, "smooth"),
        *_half(sharp),
        *_memory(sharp),
    ]
    return promises(all_checks)


def _exact(scene: Scene) -> Iterator[Check]:
    errors = {
        f"{how.name}, {how.record}, {name}, cfg {cfg:g}, {dtype}": _round_trip(
            how, scene, SCHEDULES[name], scene.source(cfg, dtype)
        )
        for how, name, cfg, dtype in product(_recorded(), SCHEDULES, (1.0, 3.0, 7.5), HALVES)
    }
    yield Check(
        f"Recorded pairs return the source to 1e-6: {', '.join(SCHEDULES)}; cfg 1, 3, 7.5; the model"
        f" in {', '.join(HALVES)}",
        _largest(errors),
        max(errors.values()) <= 1e-6,
    )


def _partial(scene: Scene) -> Iterator[Check]:
    errors = {}
    for how, end, dtype in product(_recorded(), (0.25, 0.5, 0.75), HALVES):
        denoise, record = scene.source(3.0, dtype), "half" if how.record == "half" else True
        back = resample(denoise, unsample(denoise, scene.pictures, SIXTEEN, how.name, record, end))
        errors[f"{how.name}, {how.record}, end {end:g}, {dtype}"] = relative(back, scene.pictures)
    yield Check(
        "So they do when unsampled in part: end 0.25, 0.5, 0.75, AYS 16, cfg 3",
        _largest(errors),
        max(errors.values()) <= 1e-6,
    )


def _calls(scene: Scene) -> Iterator[Check]:
    counts = {how.name: passes(how, scene, SIXTEEN)[0].calls for how in _recorded()}
    texts = [f"{name} {up} + {down}" for name, (up, down) in counts.items()]
    yield Check(
        "They make at most N + 2 model calls up and N + 1 down, 18 + 17 with 16 steps",
        ", ".join(texts),
        all(up <= 18 and down <= 17 for up, down in counts.values()),
    )


def _shaken(scene: Scene) -> Iterator[Check]:
    """The record adds to the plain solver and never multiplies (docs/exactness.md#exact): the bars are small
    multiples of the model's own error."""
    for cfg, bar in ((1.0, 2e-3), (3.0, 2e-2)):
        errors = {}
        for how in _recorded("full"):
            denoise = unsteady(scene.source(cfg), 1e-3, seed=2)
            errors[how.name] = _round_trip(how, scene, SIXTEEN, denoise)
        yield Check(
            "A model that is off by 1e-3 of its answer, anew in each call, costs them at most"
            f" {bar:g} at cfg {cfg:g}, AYS 16",
            _listed(errors),
            max(errors.values()) <= bar,
        )


def _plain(scene: Scene) -> Iterator[Check]:
    ours, core = (
        passes(way(*name), scene, SIXTEEN)[0].round_trip
        for name in (("midpoint", "none"), ("core euler", "-"))
    )
    yield Check(
        "midpoint without a record loses at most a quarter of what core's flipped euler loses, AYS 16, cfg 1",
        f"{number(ours)} against {number(core)}, a factor of {core / ours:.0f}",
        ours <= core / 4,
    )


def _restyled(scene: Scene, world: str) -> Iterator[Check]:
    ways = {
        "recorded midpoint": way("midpoint", "full"),
        "plain midpoint": way("midpoint", "none"),
        "core euler": way("core euler", "-"),
        "core heun": way("core heun", "-"),
    }
    rows = {
        name: (sum(figures.calls), result.error)
        for name, (figures, result) in ((name, _edit(how, scene, 1.0)) for name, how in ways.items())
    }
    texts = [f"{name} {number(error)} with {calls} calls" for name, (calls, error) in rows.items()]
    calls, error = rows["recorded midpoint"]
    yield Check(
        "Recorded midpoint restyles at cfg 1 in 16 AYS steps to within 0.015 of the true edit, with"
        f" at most 35 calls, {world} world (the bar was set on another model, where core's euler errs"
        " by 0.054 and its heun by 0.014)",
        "; ".join(texts),
        error <= 0.015 and calls <= 35,
    )


def _detail(scene: Scene, world: str) -> Iterator[Check]:
    bands = {how.name: _edit(how, scene, 7.5)[1].band for how in _recorded("full")}
    yield Check(
        "An edit at cfg 7.5 does not blow up: energy in the finest detail within 15 percent of the"
        f" true edit's, AYS 16, {world} world",
        _listed(bands, "{:.2f}"),
        all(abs(band - 1) <= 0.15 for band in bands.values()),
    )


def _half(scene: Scene) -> Iterator[Check]:
    """No bar: what rounding the outputs does to the edit."""
    texts = []
    for name in solvers.recorded():
        errors = [
            [_edit(way(name, record), scene, cfg)[1].error for record in ("full", "half")]
            for cfg in (1.0, 3.0, 7.5)
        ]
        texts.append(f"{name} " + ", ".join(f"{full:.4f} to {half:.4f}" for full, half in errors))
    yield Check(
        "The half record's price: error of the edit at cfg 1, 3 and 7.5, from the full record to the"
        " half one, AYS 16",
        "; ".join(texts),
        None,
    )


def _memory(scene: Scene) -> Iterator[Check]:
    full, half = (
        {how.name: passes(how, scene, SIXTEEN)[0].record for how in _recorded(record)}
        for record in ("full", "half")
    )
    yield Check("A record takes at most 2 latents a step, 32 here", _listed(full), max(full.values()) <= 32)
    yield Check(
        "The half record takes half, the source apart, which stays whole",
        _listed(half),
        all(half[name] - 1 <= (full[name] - 1) / 2 for name in full),
    )


def _recorded(record: str = "") -> list[Way]:
    return [how for how in every_way() if how.exact and record in ("", how.record)]


def _round_trip(how: Way, scene: Scene, sigmas: Tensor, denoise: Denoise) -> float:
    return relative(how.fall(denoise, how.rise(denoise, scene.pictures, sigmas), sigmas), scene.pictures)


def _edit(how: Way, scene: Scene, cfg: float) -> tuple[Passes, Edit]:
    figures, state = passes(how, scene, SIXTEEN)
    return figures, edit(how, scene, SIXTEEN, state, cfg)


def _largest(errors: dict[str, float]) -> str:
    name = max(errors, key=lambda name: errors[name])
    where = f" ({name})" if errors[name] > 0 else ""
    return f"Largest of {len(errors)} errors: {number(errors[name])}{where}"


def _listed(values: dict[str, float], form: str | None = None) -> str:
    texts = {name: form.format(value) if form else number(value) for name, value in values.items()}
    return ", ".join(f"{name} {text}" for name, text in texts.items())
