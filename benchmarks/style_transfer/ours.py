"""This pack's own ways of restyling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from benchmarks.style_transfer.cases import HIGH_CFG, STEPS, Case, Down, Fall, Prompt, Rise
from demo.places import turned
from unsampling import Inversion, resample, unsample
from unsampling.hold import centred
from unsampling.mirror import of_pixels

BASE = "midpoint, recorded"  # what every other way is compared with
DIRECT = "direct path, then recorded"
OURS = DIRECT  # what the nodes do unless told otherwise
END = f"{DIRECT}, with end"
MEANLESS = f"{BASE}, noise without its mean"
KEPT = f"{DIRECT}, lightness kept"
LOW_TURNED = f"{DIRECT}, lightness turned"
MIRRORED_BASE = f"{BASE}, lightness turned"
TURNED = f"clip turned round first, {DIRECT}"
TURNED_BASE = f"clip turned round first, {BASE}"
STRUCTURES = tuple(i / 10 for i in range(1, 9))
REACH = 0.75  # the path of the row that climbs no higher than the path ends
TAKES = 2  # of the fresh noise
LENGTHS = (0.25, 0.5, 0.625, 0.75, 1.0)  # of the path
HELD = (0.5, 1.0)  # of the layout, without a path; on one, the first alone
UNTOLD = "no condition up"
STEADY = (0.5, 1.0)  # of the edit's layout, on a path; without one, the last alone
MIRROR = of_pixels()


def rising(**settings: Any) -> Rise:
    """Up, by midpoint unless told."""

    def rise(denoise: Prompt, clip: Tensor, sigmas: Tensor) -> Inversion:
        return unsample(denoise, clip, sigmas, **settings)

    return rise


def falling(**settings: Any) -> Fall:
    """Down; a direct path is walked at cfg 1, as the source was unsampled, and turns lightness round where it
    shows that the look lies across the source's."""

    def fall(denoise: Prompt, inversion: Inversion, sigmas: Tensor) -> Tensor:
        return resample(denoise, inversion, direct_denoise=denoise.plain, mirror=MIRROR, **settings)

    return fall


def default(*cfgs: float, base: tuple[float, ...] = (), kept: bool = False, **more: Any) -> Case:
    """The nodes' default at these cfgs, and at those of base what it replaced, from the same way up less the
    answers at fresh noise. kept: also with lightness as it is, where the default may turn it."""
    downs = [Down(DIRECT, falling(), cfg) for cfg in cfgs] + [without_path(BASE, cfg) for cfg in base]
    downs += [Down(KEPT, falling(turn=False))] * kept
    return Case(rising(direct=None), tuple(downs), **more)


def long() -> Case:
    """The nodes' default and what it replaced, and both with the edit evened out in time."""
    plain = Down(DIRECT, falling()), without_path(BASE)
    return Case(rising(direct=None), (*plain, *_steady()))


def low(*cfgs: float, crosses: bool) -> Case:
    """From a low top no answer shows that a look lies across, so there the user says so."""
    case = default(*cfgs, base=(1.0,), returns=False)
    turned = tuple(Down(LOW_TURNED, falling(turn=True), cfg) for cfg in cfgs)
    return replace(case, downs=case.downs + turned) if crosses else case


def turned_round() -> Case:
    """The clip's lightness turned round before unsampling, which is without a condition then: no style looks
    like that."""
    downs = Down(TURNED, falling()), without_path(TURNED_BASE)
    return Case(rising(direct=None), downs, own=False, before=turned)


def others() -> list[Case]:
    """What else our settings can do, but for the other solvers."""
    return [
        Case(rising(direct=None), (*_over_structure(DIRECT), *_held()), returns=False),
        *(_take(variation) for variation in range(1, TAKES)),
        Case(rising(direct=REACH, end=1 - REACH), (Down(END, falling()),), returns=False),
        Case(rising(direct=1.0), tuple(map(_of_length, LENGTHS)), returns=False),
        Case(rising(direct=None, solver="euler"), _by_euler()),
        Case(
            rising(),
            (Down(BASE, falling(), HIGH_CFG), Down(MEANLESS, _meanless), _mirrored(), *_over_structure(BASE)),
        ),
        Case(rising(direct=None), (Down(f"{DIRECT}, {UNTOLD}", falling()),), own=False, returns=False),
    ]


def held() -> list[Case]:
    """The layout held, and not, with the source's condition on the way up and without one."""
    told = Down(DIRECT, falling()), without_path(BASE), *_held()
    untold = tuple(replace(down, name=f"{down.name}, {UNTOLD}") for down in told)
    how = {"rise": rising(direct=None), "returns": False}
    return [Case(downs=told, **how), Case(downs=untold, own=False, **how)]


def without_path(name: str, cfg: float = 1.0, **settings: Any) -> Down:
    """From the noise itself: what was asked for a path does not count."""
    # nor is lightness looked at, which a path's answers would tell of
    how = {"direct": 0.0, "turn": False} | settings
    return Down(name, falling(**how), cfg, spared=lambda inversion: inversion.direct_calls)


def _mirrored() -> Down:
    return without_path(MIRRORED_BASE, turn=True)


def _meanless(denoise: Prompt, inversion: Inversion, sigmas: Tensor) -> Tensor:
    """Down from the noise without each channel's mean over the clip, which carries the source's tone."""
    return falling()(denoise, replace(inversion, noise=centred(inversion.noise)), sigmas)


def _over_structure(name: str) -> list[Down]:
    return [Down(name, falling(structure=s), structure=s) for s in STRUCTURES]


def _held() -> list[Down]:
    alone = [without_path(f"{BASE}, hold {hold:g}", hold=hold) for hold in HELD]
    return [Down(f"{DIRECT}, hold {HELD[0]:g}", falling(hold=HELD[0])), *alone]


def _steady() -> list[Down]:
    on_path = [Down(f"{DIRECT}, steady {steady:g}", falling(steady=steady)) for steady in STEADY]
    return [*on_path, without_path(f"{BASE}, steady {STEADY[-1]:g}", steady=STEADY[-1])]


def _take(variation: int) -> Case:
    down = Down(f"{DIRECT}, variation {variation}", falling())
    return Case(rising(direct=None, variation=variation), (down,), returns=False)


def _of_length(direct: float) -> Down:
    """A path that takes this share of the steps, whatever the record would choose; from answers for more."""
    steps, name = round(direct * STEPS), f"{DIRECT}, direct {direct:g}"

    def fall(denoise: Prompt, inversion: Inversion, sigmas: Tensor) -> Tensor:
        record = inversion.record
        assert record is not None and record.direct is not None
        kept = replace(record.direct, answers=record.direct.answers[:steps])
        return falling()(denoise, replace(inversion, record=replace(record, direct=kept)), sigmas)

    return Down(name, fall, spared=lambda inversion: inversion.direct_steps - steps)


def _by_euler() -> tuple[Down, ...]:
    name = "direct path, then euler, recorded"
    return Down(name, falling()), Down(name, falling(), HIGH_CFG), without_path("euler, recorded")
