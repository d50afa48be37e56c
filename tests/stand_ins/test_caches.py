"""What makes a model call depend on earlier ones: step caches, and guidance with momentum."""

import comfy_objects as core
import pytest
from foreign import Foreign

from unsampling_pack.host.packs import caches
from unsampling_pack.host.packs import core as core_pack
from unsampling_pack.unsampling import UnsamplingError

KEY = "sampler_pre_cfg_function"


@pytest.mark.parametrize(
    "options, name",
    [
        ({"easycache": Foreign(name="EasyCache")}, "EasyCache"),
        ({"easycache": Foreign(name="LazyCache")}, "LazyCache"),
        ({"easycache": Foreign()}, "EasyCache"),
        ({"rel_l1_thresh": 0.0}, "TeaCache"),
        ({"rel_l1_thresh": 0.4, "easycache": None}, "TeaCache"),
        ({"magcache_thresh": 0.12, "magcache_K": 2}, "MagCache"),
        ({"tgate_enable": True}, "T-GATE"),
    ],
)
def test_a_step_cache_is_refused_by_its_name(options, name):
    with pytest.raises(UnsamplingError, match=f"model has {name}, which skips .*; connect the MODEL without"):
        caches.refuse(core.Model(transformer_options=options))


class DeepCache:
    def apply(self):
        def apply_model(model_function, kwargs):
            return kwargs

        return apply_model


class ApplyFBCacheOnModel:
    def patch(self):
        def model_unet_function_wrapper(model_function, kwargs):
            return kwargs

        return model_unet_function_wrapper


class TGate_Wrapper:
    def __call__(self, model_function, kwargs):
        return kwargs


class Cached:
    """A wrapper of a pack that caches nothing of a call."""

    def __call__(self, model_function, kwargs):
        return kwargs


@pytest.mark.parametrize(
    "wrapper, name",
    [
        (DeepCache().apply(), "DeepCache"),
        (ApplyFBCacheOnModel().patch(), "First Block Cache"),
        (TGate_Wrapper(), "T-GATE"),
    ],
)
def test_a_cache_that_wraps_the_model_is_known_by_the_name_of_its_function(wrapper, name):
    with pytest.raises(UnsamplingError, match=f"model has {name}, which skips .*; connect the MODEL without"):
        caches.refuse(core.Model(options={"model_function_wrapper": wrapper}))


@pytest.mark.parametrize("wrapper", [Cached(), lambda model_function, kwargs: kwargs, abs, None])
def test_other_wrappers_are_no_cache(wrapper):
    caches.refuse(core.Model(options={"model_function_wrapper": wrapper}))


@pytest.mark.parametrize(
    "options",
    [{}, {"easycache": None}, {"sample_sigmas": [1.0], "patches": {}}, {"tgate_enable": False}],
)
def test_other_options_are_no_cache(options):
    caches.refuse(core.Model(transformer_options=options))


def test_a_model_without_options_has_no_cache():
    model = core.Model()
    model.model_options = {}
    caches.refuse(model)
    core_pack.refuse_momentum(model)


def guidance(momentum):
    """Core's function, as far as it is told by: settings and a sum in its closure."""
    running_avg = 0

    def pre_cfg_function(args):
        nonlocal running_avg
        running_avg = running_avg * momentum + args
        return running_avg

    return pre_cfg_function


def without_value():
    """A function whose momentum has no value yet."""

    def pre_cfg_function(args):
        return running_avg, momentum, args

    running_avg = 0
    if running_avg:
        momentum = 1.0
    return pre_cfg_function


def own_momentum():
    """Another pack's function, which does not sum up."""
    momentum = 0.5
    return lambda args: args * momentum


class Callable:
    """An object in place of a function."""

    def __call__(self, args):
        return args


@pytest.mark.parametrize("momentum", [0.5, -0.75, 1])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_momentum_is_found_among_other_functions(momentum, before):
    functions = [own_momentum()] * before + [guidance(momentum), Callable()]
    with pytest.raises(UnsamplingError, match=r"with momentum, .* \(the resampler may have it\)"):
        core_pack.refuse_momentum(core.Model(options={KEY: functions}))


@pytest.mark.parametrize(
    "function",
    [guidance(0.0), guidance(0), guidance("no number"), without_value(), own_momentum(), Callable(), abs],
)
def test_no_momentum(function):
    core_pack.refuse_momentum(core.Model(options={KEY: [function]}))


@pytest.mark.parametrize(
    "module, is_refused",
    [
        ("comfy_extras.nodes_apg", True),
        ("/ComfyUI/comfy_extras/nodes_apg", True),
        ("C:\\ComfyUI\\comfy_extras\\nodes_apg", True),
        ("another_pack.guide", False),
    ],
)
def test_cores_guidance_of_other_variables_is_not_taken_for_harmless(module, is_refused):
    """A rename of what its function closes over must not hide a momentum."""
    running, push = 0.0, -0.5

    def pre_cfg_function(args):
        return running, push

    pre_cfg_function.__module__ = module
    model = core.Model(options={KEY: [pre_cfg_function]})
    if not is_refused:
        core_pack.refuse_momentum(model)
        return
    with pytest.raises(
        UnsamplingError, match="ComfyUI has an Adaptive Projected Guidance that this pack does"
    ):
        core_pack.refuse_momentum(model)
