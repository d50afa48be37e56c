"""A field that another project renames is missed by both passes, in a sentence: nothing passes unseen.

The scene is a MODEL and conditions that hold one of every kind of object that the pack reads. Each field of
each kind is renamed in turn, as Foreign does it.
"""

from itertools import chain
from types import SimpleNamespace

import animatediff_objects as ade
import comfy_objects as core
import controlnet_objects as acn
import pytest
import torch
from foreign import Foreign

from unsampling_pack.host import keyframes
from unsampling_pack.host.packs import (
    advanced_controlnet,
    animatediff,
    animatediff_keyframes,
    animatediff_settings,
    animatediff_windows,
)
from unsampling_pack.host.packs import core as core_pack
from unsampling_pack.host.packs.fields import Kind
from unsampling_pack.unsampling import UnsamplingError


class LatentFormat(SimpleNamespace):
    """A latent format of ComfyUI's."""


SHAPE, FALLING = (8, 4, 3, 3), torch.tensor([14.6, 3.0, 0.5, 0.0])
PACKS = (
    advanced_controlnet,
    animatediff,
    animatediff_keyframes,
    animatediff_settings,
    animatediff_windows,
    core_pack,
)
# what is not read before sampling, all fields or some: a run that misses them stops before its first model
# call
ALL = None
IN_THE_RUN = {
    # made when a run starts, with all that hangs on it
    "AnimateDiffGlobalState": ALL,
    "MotionModelGroup": ALL,
    "MotionModelAttachment": ALL,
    # hooks are the edit: they are not compared, but their keyframes are led
    "HookGroup": ALL,
    "Hook": ALL,
    "HookKeyframeGroup": ALL,
    # how keyframes are led
    "ContextOptionsGroup": ("reset",),
    "CustomCFGKeyframeGroup": ("reset", "prepare_current_keyframe", "_previous_t"),
    "NaiveReuseKeyframeGroup": ("reset", "prepare_current_keyframe", "_previous_t"),
    "AdvancedControlBase": (
        "set_timestep_keyframes",
        "prepare_current_timestep",
        "prev_t",
        "tk_mask_cond_hint_original",
        "tk_mask_cond_hint",
        "weight_mask_cond_hint",
    ),
}


# what is no part of the scene: it is asked elsewhere, and missed there (see the last test)
ELSEWHERE = {"LatentFormat", "CFGGuider", "Guider_DualCFG", "VideoFromFile", "ModelPatcher", "BaseModel"}
ELSEWHERE |= {"ControlNetAdvanced"}


def kinds() -> list[Kind]:
    """Every kind that a module of host/packs declares, but for those that are asked elsewhere."""
    declared = chain.from_iterable(vars(pack).values() for pack in PACKS)
    found = [kind for kind in declared if isinstance(kind, Kind) and kind.kind not in ELSEWHERE]
    return list(dict.fromkeys([*found, *animatediff_windows.SETTINGS]))


def required() -> list[tuple[Kind, str]]:
    return [(kind, field) for kind in kinds() for field in kind.fields]


def before_sampling(kind: Kind, field: str) -> bool:
    late = IN_THE_RUN.get(kind.kind, ())
    return late is not ALL and field not in late


def stand_in(kind: Kind) -> type[Foreign]:
    """The class of tests/stand_ins/*_objects.py that has the kind's name."""
    found = [vars(module)[kind.kind] for module in (ade, core, acn) if kind.kind in vars(module)]
    assert len(found) == 1, f"no stand-in for {kind.where}"
    return found[0]


def rename(monkeypatch, kind: Kind, field: str) -> None:
    monkeypatch.setattr(stand_in(kind), "gone", frozenset({field}))


def windows(**changes) -> ade.ContextOptions:
    """Windows of a stride, with views as long as a window, which come into force at equal length."""
    views = ade.ContextOptions("looped_uniform", 4, use_on_equal_length=True)
    settings = {"context_length": 4, "context_stride": 2, "view_options": views} | changes
    return ade.ContextOptions("standard_uniform", **settings)


def extras() -> ade.ContextExtrasGroup:
    keyframe = ade.ContextRefKeyframe(0.5, tune=ade.ContextRefTune(), mode=ade.ContextRefMode("first"))
    reference = ade.ContextRef(torch.ones(2, 3), keyframe=ade.ContextRefKeyframeGroup(keyframe))
    frames = ade.NaiveReuseKeyframe(0.5), ade.NaiveReuseKeyframe(0.7, 0.6)
    return ade.ContextExtrasGroup(reference, ade.NaiveReuse(keyframe=ade.NaiveReuseKeyframeGroup(*frames)))


class Scene:
    """All kinds of objects in one guider, which the pack can work with as it is."""

    def __init__(self):
        self.params = ade.InjectionParams(windows(), windows(start_percent=0.5), extras=extras())
        guidance = ade.CustomCFGKeyframe(1.0), ade.CustomCFGKeyframe(1.0, 0.4)
        self.settings = ade.SampleSettings(
            iteration_opts=ade.FreeInitOptions(), custom_cfg=ade.CustomCFGKeyframeGroup(*guidance)
        )
        motions = (
            SimpleNamespace(start_t=20.0, scale_multival=1.0),
            SimpleNamespace(start_t=4.0, scale_multival=0.5),
        )
        self.motion = ade.MotionModelPatcher("AnimateDiff", "v2", keyframes=motions)
        handler = core.IndexListContextHandler("standard_uniform", context_stride=2)
        model = core.Model(self.params, self.settings, self.motion, handler)
        self.guider = core.CFGGuider(model, self.conditions())

    @staticmethod
    def conditions() -> dict:
        control = acn.AdvancedControlBase(acn.TimestepKeyframe(), acn.TimestepKeyframe(0.5, start_t=4.0))
        hooks = core.HookGroup(core.Hook(core.HookKeyframe(1.0), core.HookKeyframe(0.5, 0.5, start_t=4.0)))
        return {"positive": [{"control": acn.ControlBase(previous=control), "hooks": hooks}], "negative": []}

    def call(self, step: int, sigma: float) -> None:
        """What precedes a model call."""
        state = ade.AnimateDiffGlobalState(self.params, self.settings, self.motion)
        options = {"transformer_options": {"sample_sigmas": FALLING, "ADGS": state}}
        animatediff_keyframes.set_step(options, step)
        with keyframes.placed(self.guider, options) as place:
            place(torch.zeros(SHAPE), torch.tensor([sigma]), step)


@pytest.fixture
def full_windows(monkeypatch):
    """Windows that leave no frame out, wherever the scene's lie."""
    whole = lambda frames, *_: [list(range(frames))]  # noqa: E731
    monkeypatch.setattr(ade, "get_context_windows", whole)
    monkeypatch.setattr(core, "_placed", whole)


def refused(refusal, kind: Kind, field: str) -> None:
    project = kind.project
    assert f"{project.name} has no {field} in its {kind.kind} any more" in str(refusal.value)
    assert f"update this pack, or install {project.name} {project.version}" in str(refusal.value)


@pytest.mark.parametrize("rising", [True, False])
def test_the_scene_itself_is_admitted_and_run(admission, full_windows, rising):
    scene = Scene()
    facts = admission.admit(scene.guider, SHAPE, FALLING, rising=rising)
    assert facts.windows.count("windows: ") == 2 and facts.windows.count("views: ") == 2
    assert "context_ref " in facts.windows and "naive_reuse " in facts.windows
    assert facts.windows.count("standard_uniform pyramid: ") == 1
    scene.call(2, 0.5)
    assert scene.params.context_options._current_index == 0  # put back


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("kind, field", required(), ids=lambda one: getattr(one, "kind", one))
def test_both_passes_miss_a_field_that_was_renamed(admission, full_windows, monkeypatch, kind, field, rising):
    scene = Scene()
    rename(monkeypatch, kind, field)
    if before_sampling(kind, field):
        with pytest.raises(UnsamplingError) as refusal:
            admission.admit(scene.guider, SHAPE, FALLING, rising=rising)
    else:
        admission.admit(scene.guider, SHAPE, FALLING, rising=rising)
        with pytest.raises(UnsamplingError) as refusal:
            scene.call(1, 3.0)
    refused(refusal, kind, field)


# the fields that ComfyUI of a supported version lacks, so that their absence is no sign of a new one
@pytest.mark.parametrize(
    "kind, field",
    [(kind, field) for kind in kinds() for field in kind.optional],
    ids=lambda one: getattr(one, "kind", one),
)
def test_a_field_that_some_supported_versions_lack_is_not_missed(
    admission, full_windows, monkeypatch, kind, field
):
    scene = Scene()
    rename(monkeypatch, kind, field)
    assert admission.admit(scene.guider, SHAPE, FALLING, rising=True).windows


@pytest.mark.parametrize(
    "field, read",
    [
        ("latent_channels", "channels"),
        ("process_in", "in_sampling_space"),
        ("process_out", "in_vae_scale"),
    ],
)
def test_a_latent_format_that_was_renamed_is_missed_where_it_is_asked(models, field, read):
    latent_format = LatentFormat(latent_channels=4, process_in=lambda x: 2 * x, process_out=lambda x: x / 2)
    delattr(latent_format, field)
    model = SimpleNamespace(get_model_object=lambda name: latent_format)
    with pytest.raises(UnsamplingError) as refusal:
        if read == "channels":
            models.channels(model)
        else:
            getattr(core_pack, read)(latent_format, torch.ones(1))
    refused(refusal, core_pack.LATENT_FORMAT, field)
