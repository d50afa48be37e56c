"""Keyframes of every project are led to a model call's step and sigma, whichever way the calls go."""

from types import SimpleNamespace

import animatediff_objects as ade
import comfy_objects as core
import controlnet_objects as acn
import numpy as np
import pytest
import torch

from unsampling_pack.host import keyframes
from unsampling_pack.host.packs import animatediff_keyframes
from unsampling_pack.unsampling import UnsamplingError

FALLING = [10.0, 8.0, 5.0, 2.0, 0.5, 0.0]
# step and sigma of some calls, and which of the keyframes at 0, 40 and 90 percent (sigma 10, 6 and 1) is in
# force
CALLS = [
    (0, 10.0, 0),
    (0, 8.5, 0),
    (1, 8.0, 0),
    (1, 6.0, 1),
    (2, 5.0, 1),
    (3, 2.0, 1),
    (3, 1.0, 2),
    (4, 0.5, 2),
]
PERCENTS = (0.0, 0.4, 0.9)


def starts(percent: float) -> dict:
    return {"start_percent": percent, "start_t": 10.0 * (1 - percent)}


class Contexts:
    """Context keyframes of AnimateDiff-Evolved."""

    def __init__(self, count: int):
        contexts = [ade.ContextOptions(context_length=4, start_percent=at) for at in PERCENTS[:count]]
        self.params, self.settings, self.motion = ade.InjectionParams(*contexts), ade.SampleSettings(), None
        self.conds = {}

    def place(self) -> int:
        return self.params.context_options._current_index


class Guidance(Contexts):
    """Custom CFG keyframes of AnimateDiff-Evolved."""

    def __init__(self, count: int):
        super().__init__(1)
        frames = [ade.CustomCFGKeyframe(at, at) for at in PERCENTS[:count]]
        self.settings = ade.SampleSettings(custom_cfg=ade.CustomCFGKeyframeGroup(*frames))

    def place(self) -> int:
        return self.settings.custom_cfg._current_index


class Reuse(Contexts):
    """NaiveReuse keyframes of AnimateDiff-Evolved."""

    def __init__(self, count: int):
        super().__init__(1)
        self.group = ade.NaiveReuseKeyframeGroup(*(ade.NaiveReuseKeyframe(at, at) for at in PERCENTS[:count]))
        self.params.context_options.extras.naive_reuse = ade.NaiveReuse(keyframe=self.group)

    def place(self) -> int:
        return self.group._current_index


class Motion(Contexts):
    """Motion keyframes of AnimateDiff-Evolved, which stand before the first one at the start."""

    def __init__(self, count: int):
        super().__init__(1)
        frames = [SimpleNamespace(scale_multival=at, **starts(at)) for at in PERCENTS[:count]]
        self.motion = ade.MotionModelPatcher("AnimateDiff", "v3", keyframes=frames)

    def place(self) -> int:
        return max(0, self.motion.get_attachment("ADE").current_index)


class Control(Contexts):
    """Timestep keyframes of a ControlNet of Advanced-ControlNet's behind one of core's."""

    def __init__(self, count: int):
        super().__init__(1)
        frames = (acn.TimestepKeyframe(at, start_t=10.0 * (1 - at)) for at in PERCENTS[:count])
        self.control = acn.AdvancedControlBase(*frames)
        front = acn.ControlBase(previous=self.control)
        self.conds = {"positive": [{}, {"control": front}], "negative": [{"control": front}], "none": None}

    def place(self) -> int:
        return self.control.timestep_keyframes._current_index


class Clone(Control):
    """The same ControlNet as a clone of core's on another GPU."""

    def __init__(self, count: int):
        super().__init__(count)
        front = acn.ControlBase(clones={"cuda:1": self.control})
        self.conds = {"positive": [{"control": front}]}


class Hooks(Contexts):
    """Core's hook keyframes."""

    def __init__(self, count: int):
        super().__init__(1)
        frames = [core.HookKeyframe(1 - at, at, start_t=10.0 * (1 - at)) for at in PERCENTS[:count]]
        self.hook = core.Hook(*frames)
        group = core.HookGroup(self.hook)
        self.conds = {"positive": [{"hooks": group}, {"hooks": None}], "negative": [{"hooks": group}]}

    def place(self) -> int:
        return self.hook.hook_keyframe._current_index


SCENES = [Contexts, Guidance, Reuse, Motion, Control, Clone, Hooks]


def started(scene):
    """A guider and the model options of its run, whose sigmas rise or fall."""
    model = core.Model(scene.params, scene.settings, model_sampling=core.sampling(core.EPS, highest=10.0))
    patchers = [] if scene.motion is None else [scene.motion]
    state = ade.AnimateDiffGlobalState(scene.params, scene.settings, *patchers)
    sigmas = torch.tensor(FALLING[::-1])
    options = {"transformer_options": {"sample_sigmas": sigmas, "ADGS": state}}
    return core.CFGGuider(model, scene.conds), options


def met(scene, calls) -> list[int]:
    """The keyframe in force at each call of a run."""
    guider, options = started(scene)
    found = []
    with keyframes.placed(guider, options) as place:
        for step, sigma, _ in calls:
            place(torch.zeros(2, 4), torch.full((2,), sigma), step)
            found.append(scene.place())
    return found


@pytest.mark.parametrize("make", SCENES)
@pytest.mark.parametrize("order", [1, -1])
def test_a_keyframe_is_in_force_from_its_sigma_down_in_both_passes(make, order):
    scene = make(3)
    assert met(scene, CALLS[::order]) == [keyframe for *_, keyframe in CALLS[::order]]
    assert scene.place() == 0  # put back for what runs next


@pytest.mark.parametrize("make", SCENES)
def test_a_call_whose_step_the_sampler_does_not_know_finds_it_by_its_sigma(make):
    calls = [(None, sigma, keyframe) for _, sigma, keyframe in CALLS]
    assert met(make(3), calls[::-1]) == [keyframe for *_, keyframe in calls[::-1]]


@pytest.mark.parametrize("make", SCENES)
def test_the_same_call_twice_counts_once(make):
    calls = [call for call in CALLS for _ in range(3)]
    assert met(make(3), calls) == [keyframe for *_, keyframe in calls]


@pytest.mark.parametrize("make", SCENES)
def test_a_sigma_that_was_the_last_to_be_met_counts_at_the_next_call(make):
    """Met twice in a row, a sigma counts once for the projects: the first keyframe would lack its step."""
    assert met(make(3), [(0, 10.0, 0), (1, 6.0, 1)]) == [0, 1]


@pytest.mark.parametrize("make", [Contexts, Guidance, Reuse])
@pytest.mark.parametrize("order", [1, -1])
def test_guaranteed_steps_are_steps_of_the_schedule(make, order):
    """The second keyframe has steps 2 to 4, so that the third one never has its turn."""
    scene = make(3)
    groups = {Contexts: lambda: scene.params.context_options.contexts}
    groups[Guidance] = lambda: scene.settings.custom_cfg.keyframes
    groups[Reuse] = lambda: scene.group.keyframes
    groups[make]()[1].guarantee_steps = 3
    calls = [(1, 8.0, 0), (1, 6.0, 1), (2, 5.0, 1), (3, 1.0, 1), (4, 0.5, 1), (4, 0.1, 1)]
    assert met(scene, calls[::order]) == [keyframe for *_, keyframe in calls[::order]]


@pytest.mark.parametrize("make", SCENES)
def test_one_keyframe_is_left_alone(make):
    scene = make(1)
    guider, options = started(scene)
    with keyframes.placed(guider, options) as place:
        place(torch.zeros(2, 4), torch.tensor([5.0]), 2)
        group = scene.params.context_options
        assert group._previous_t == -1 and group._current_used_steps == 0


@pytest.mark.parametrize(
    "calls, times", [([10.0, 8.0], 0), ([10.0, 5.0], 1), ([5.0, 2.0, 1.0], 2), ([0.5, 5.0, 10.0], 3)]
)
def test_hooked_weights_are_made_anew_where_their_strength_changes(calls, times):
    guider, options = started(Hooks(3))
    other = core.Patcher()
    options["multigpu_clones"] = {"cuda:1": other}
    with keyframes.placed(guider, options) as place:
        for sigma in calls:
            place(torch.zeros(2, 4), torch.tensor([sigma]))
    assert guider.inner_model.current_patcher.patched == other.patched == times


@pytest.mark.parametrize("start, step", [(0, 0), (0, 3), (2, 1), (10, 4)])
def test_animatediff_evolved_is_told_the_step(start, step):
    state = ade.AnimateDiffGlobalState(ade.InjectionParams(), ade.SampleSettings())
    state.start_step = start
    animatediff_keyframes.set_step({"transformer_options": {"ADGS": state}}, step)
    assert state.current_step == start + step


def test_without_animatediff_evolved_nothing_is_told():
    options = {"transformer_options": {"sample_sigmas": torch.tensor(FALLING)}}
    animatediff_keyframes.set_step(options, 3)
    assert animatediff_keyframes.state(options) is None
    assert list(animatediff_keyframes.cursors(SimpleNamespace(model_patcher=core.Model()), options)) == []


def test_a_run_without_its_state_is_no_run_without_animatediff_evolved():
    """Its settings are on the MODEL, but the run has no state under the key that is asked for."""
    guider = SimpleNamespace(model_patcher=core.Model(ade.InjectionParams()))
    options = {"transformer_options": {"sample_sigmas": torch.tensor(FALLING), "ADGS_new": object()}}
    with pytest.raises(UnsamplingError, match=r"AnimateDiff-Evolved has a state .* it reads .* 1\.5\.7"):
        list(animatediff_keyframes.cursors(guider, options))


def drawn() -> tuple[float, float]:
    return float(torch.rand(1)), float(np.random.random())


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 1, 2, 0]])
def test_what_a_call_draws_comes_from_its_step(order):
    guider, options = started(Contexts(1))
    torch.manual_seed(7)
    np.random.seed(7)
    found = {}
    with keyframes.placed(guider, options) as place:
        for step in order:
            place(torch.zeros(2, 4), torch.tensor([FALLING[step]]), step)
            assert drawn() == found.setdefault(step, drawn_of(step))
    assert len(set(found.values())) == 3
    after = drawn()
    torch.manual_seed(7)
    np.random.seed(7)
    assert after == drawn()  # a run leaves no trace in the generators


def drawn_of(step: int) -> tuple[float, float]:
    """What is drawn right after a seed of that step."""
    generator = torch.Generator().manual_seed(step)
    return float(torch.rand(1, generator=generator)), float(np.random.RandomState(step).random_sample())
