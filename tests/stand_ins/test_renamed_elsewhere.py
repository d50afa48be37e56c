"""Renamed fields of what is no part of the scene of test_renamed_fields.py: it is asked by a node of its own,
or refused as it is, or takes the place of what is in the scene.

What no stand-in can show is asked of a running ComfyUI (tests/host/test_host_fields.py): a Key that was
renamed looks like one that nobody set, and an optional field like that of an older host. ComfyUI-TeaCache has
a key alone, which no test asks for.
"""

from pathlib import Path

import comfy_objects as core
import pytest
import torch
from foreign import Foreign
from test_renamed_fields import ELSEWHERE, PACKS
from test_wan_vae import VAE, Ticks, clip, latent

from unsampling_pack.host import keyframes
from unsampling_pack.host.packs import caches, core_samplers
from unsampling_pack.host.packs import core as core_pack
from unsampling_pack.host.packs.fields import Kind
from unsampling_pack.unsampling import UnsamplingError

SHAPE, FALLING = (8, 4, 3, 3), torch.tensor([14.6, 3.0, 0.5, 0.0])
FOLDER = Path(core_pack.__file__).parent


class EasyCacheHolder(Foreign):
    def __init__(self):
        super().__init__(name="EasyCache")


class CFGGuider(Foreign, core.CFGGuider):
    """The guider with fields that can be renamed."""

    def __init__(self, model: core.Model | None = None):
        core.CFGGuider.__init__(self, model or core.Model())


class Guider_DualCFG(CFGGuider):
    def __init__(self):
        super().__init__()
        self.cfg1, self.cfg2 = 3.0, 5.0


class RenamedVAE(VAE, Foreign):
    """Known by its parent's name."""


def declared(kind: Kind) -> set[str]:
    """What must be there on an object of the project's."""
    return {*kind.fields, *kind.own}


def missed(kind: Kind, field: str, use, *given) -> None:
    with pytest.raises(UnsamplingError) as refused:
        use(*given)
    project = kind.project
    assert f"{project.name} has no {field} in its {kind.kind} any more" in str(refused.value)
    assert f"update this pack, or install {project.name} {project.version}" in str(refused.value)


def test_no_file_of_host_packs_is_left_out():
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "fields"}
    # core_files reads the Kinds of core
    others = {"wan_vae", "core_files", "core_turns"} | {"core_experts"}  # see test_expert_guiders.py
    # the cache reads objects by all that they hold, and names no field but that of a MODEL's patches
    others |= {"content", "environment", "origin", "replaced", "run_state", "weights"}
    others |= {"user_settings"}  # a file's keys are ours
    others |= {"ltxv", "vace"}  # a key alone
    others |= {
        "core_conditions",
        "advanced_controlnet_frames",
        "animatediff_frames",
    }  # see test_conditions.py
    others |= {"ipadapter"}
    assert files == {Path(pack.__file__).stem for pack in (*PACKS, caches, core_samplers)} | others


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("by_core", [True, False])
def test_a_step_cache_is_refused_under_whatever_name_its_own_is_kept(admission, monkeypatch, rising, by_core):
    assert declared(caches.HOLDER) == {"name"}
    guider = core.CFGGuider(core.Model(transformer_options={"easycache": EasyCacheHolder()}))

    def admit():
        admission.admit(guider, SHAPE, FALLING, rising=rising, by_core=by_core)

    with pytest.raises(UnsamplingError, match="model has EasyCache"):
        admit()
    monkeypatch.setattr(EasyCacheHolder, "gone", frozenset({"name"}))
    missed(caches.HOLDER, "name", admit)


@pytest.mark.parametrize("options", [{}, {"s_churn": 1.0}])
@pytest.mark.parametrize("field", sorted(declared(core_samplers.SAMPLER)))
def test_a_core_sampler_whose_function_or_options_are_renamed(monkeypatch, field, options):
    """Options that are not found could be those that add noise."""
    assert declared(core_samplers.SAMPLER) == {"sampler_function", "extra_options"}
    sampler = core.KSAMPLER("euler", **options)
    monkeypatch.setattr(core.KSAMPLER, "gone", frozenset({field}))
    missed(core_samplers.SAMPLER, field, core_samplers.solver_name, sampler)


# what reads each field of a guider: before sampling, and in the run
GUIDERS = [
    (core_pack.GUIDER, "original_conds", CFGGuider, "admit"),
    (core_pack.GUIDER, "cfg", CFGGuider, "admit"),
    (core_pack.GUIDER, "conds", CFGGuider, "call"),
    (core_pack.GUIDER, "inner_model", CFGGuider, "call"),
    (core_pack.DUAL_GUIDER, "cfg1", Guider_DualCFG, "admit"),
    (core_pack.DUAL_GUIDER, "cfg2", Guider_DualCFG, "admit"),
]


def changing_hook() -> dict:
    """Conditions whose hook has another strength from the middle of the schedule on."""
    hook = core.Hook(core.HookKeyframe(1.0, start_t=20.0), core.HookKeyframe(0.5, 0.5, start_t=4.0))
    return {"positive": [{"hooks": core.HookGroup(hook)}], "negative": []}


def call(guider) -> None:
    """What precedes a model call, in which a hook's strength changes."""
    options = {"transformer_options": {"sample_sigmas": FALLING}}
    with keyframes.placed(guider, options) as place:
        place(torch.zeros(SHAPE), torch.tensor([14.6]), 0)
        place(torch.zeros(SHAPE), torch.tensor([0.5]), 2)


@pytest.mark.parametrize("kind, field, make, where", GUIDERS)
def test_a_guider_whose_field_was_renamed(admission, monkeypatch, kind, field, make, where):
    guider = make()
    guider.conds = changing_hook()

    def use():
        if where == "admit":
            admission.admit(guider, SHAPE, FALLING, rising=True)
        else:
            call(guider)

    use()
    monkeypatch.setattr(make, "gone", frozenset({field}))
    missed(kind, field, use)


def test_every_field_of_a_guider_was_renamed():
    for kind in (core_pack.GUIDER, core_pack.DUAL_GUIDER):
        assert {field for one, field, *_ in GUIDERS if one is kind} == declared(kind)


@pytest.mark.parametrize(
    "kind, name",
    [
        (core_pack.BASE_MODEL, "current_patcher"),
        (core_pack.PATCHER, "clear_cached_hook_weights"),
        (core_pack.PATCHER, "patch_hooks"),
    ],
)
def test_hooks_weights_that_cannot_be_made_anew(kind, name):
    class ModelPatcher(Foreign):
        gone = frozenset({name})

        def clear_cached_hook_weights(self) -> None: ...

        def patch_hooks(self, hooks) -> None: ...

    class BaseModel(Foreign):
        gone = frozenset({name})

    guider = CFGGuider()
    guider.conds, guider.inner_model = changing_hook(), BaseModel(current_patcher=ModelPatcher())
    missed(kind, name, call, guider)


def test_a_model_whose_attachments_were_renamed(admission):
    """Most of what AnimateDiff-Evolved leaves on a MODEL hangs on them."""

    class ModelPatcher(Foreign, core.Model):
        gone = frozenset({"attachments"})

        def __init__(self):
            core.Model.__init__(self)

    guider = core.CFGGuider(ModelPatcher())
    missed(core_pack.PATCHER, "attachments", lambda: admission.admit(guider, SHAPE, FALLING, rising=True))


# which way through a VAE reads each of its fields; no frame is made before
VAES = [
    ("encode", "first_stage_model"),
    ("encode", "process_input"),
    ("decode", "first_stage_model"),
    ("decode", "latent_channels"),
    ("decode", "upscale_ratio"),
    ("decode", "output_channels"),
]


@pytest.mark.parametrize("way, field", VAES)
def test_a_wan_vae_whose_field_was_renamed(wan_vae, monkeypatch, way, field):
    assert {field for _, field in VAES} == declared(wan_vae.VAE)
    vae, ticks = RenamedVAE(core.WanVAE()), Ticks()
    given = clip(5) if way == "encode" else latent(2)
    getattr(wan_vae, way)(vae, given, ticks)
    made = ticks.count
    monkeypatch.setattr(RenamedVAE, "gone", frozenset({field}))
    missed(wan_vae.VAE, field, getattr(wan_vae, way), vae, given, ticks)
    assert ticks.count == made > 0


@pytest.mark.parametrize("field", ["first_stage_model", "upscale_ratio", "output_channels"])
def test_a_copy_that_decodes_has_read_all_it_needs_before_it_is_used(wan_vae, monkeypatch, field):
    monkeypatch.setattr(RenamedVAE, "gone", frozenset({field}))
    missed(wan_vae.VAE, field, wan_vae.decoding, RenamedVAE(core.WanVAE()), lambda: None)


def test_a_wan_vaes_network_whose_decoder_was_renamed(wan_vae):
    """`decode` is asked of ComfyUI alone: core calls it itself, and would call it by its new name."""
    assert declared(wan_vae.NETWORK) == {"decoder", "decode"}
    network = core.WanVAE()
    network.decoder_new = network.decoder
    del network.decoder
    missed(wan_vae.NETWORK, "decoder", wan_vae.decode, VAE(network), latent(2), Ticks())


def test_every_kind_is_in_the_scene_or_here():
    """But for a latent format, which test_renamed_fields.py has, a VIDEO, whose fields are optional, and a
    ControlNet's mask, which test_conditions.py has."""
    here = {core_pack.GUIDER, core_pack.DUAL_GUIDER, core_pack.BASE_MODEL, core_pack.PATCHER}
    assert {kind.kind for kind in here} | {"LatentFormat", "VideoFromFile", "ControlNetAdvanced"} == ELSEWHERE
    assert declared(core_pack.VIDEO) == set()
