"""AnimateDiff-Evolved's objects with the fields that they have at 1.5.7, as its nodes leave them on a MODEL.

get_context_windows() stands here because the pack looks for it in the module of ContextOptions.
"""

from foreign import Foreign, KeyframeGroup
from torch import Tensor

from unsampling_pack.host.packs import animatediff_frames

NEVER = 999999999.9  # where a keyframe starts until the sampler knows its sigma


class ContextOptions(Foreign):
    def __init__(
        self,
        context_schedule: str = "standard_static",
        context_length: int | None = None,
        context_overlap: int | None = 1,
        context_stride: int | None = 1,
        fuse_method: str = "pyramid",
        view_options: "ContextOptions | None" = None,
        **more,
    ):
        super().__init__(
            context_schedule=context_schedule,
            context_length=context_length,
            context_overlap=context_overlap,
            context_stride=context_stride,
            fuse_method=fuse_method,
            view_options=view_options,
            closed_loop=False,
            use_on_equal_length=False,
            start_percent=0.0,
            guarantee_steps=1,
            start_t=NEVER,
            _step=0,
        )
        assert set(more) <= set(vars(self))
        vars(self).update(more)

    @property
    def step(self) -> int:
        return self._step

    @step.setter
    def step(self, value: int) -> None:
        self._step = value
        if self.view_options is not None:
            self.view_options.step = value


class ContextOptionsGroup(KeyframeGroup):
    LIST = "contexts"

    def __init__(self, *contexts: ContextOptions):
        super().__init__(*contexts)
        self.extras = ContextExtrasGroup()

    def reset(self) -> None:
        super().reset()
        self._previous_t = -1.0

    def prepare_current_context(self, t: Tensor, transformer_options: dict) -> None:
        self.meet(t[0], transformer_options)


def get_context_windows(frames: int, options: ContextOptions) -> list[list[int]]:
    """Simpler than AnimateDiff-Evolved's: Uniform windows of a stride begin at the step, and end with the
    clip."""
    length, stride = options.context_length, options.context_stride
    if options.context_schedule == "standard_uniform":
        starts = range(options.step % stride, frames, length * stride - options.context_overlap)
        return [list(range(start, min(start + length * stride, frames), stride)) for start in starts]
    return [list(range(start, min(start + length, frames))) for start in range(0, frames, length)]


class ContextExtrasGroup(Foreign):
    def __init__(self, context_ref=None, naive_reuse=None):
        super().__init__(context_ref=context_ref, naive_reuse=naive_reuse)


class ContextRef(Foreign):
    def __init__(self, strength: float | Tensor = 1.0, **fields):
        super().__init__(
            start_percent=0.0,
            end_percent=1.0,
            _strength_multival=strength,
            tune=ContextRefTune(),
            mode=ContextRefMode(),
            keyframe=ContextRefKeyframeGroup(),
            start_t=NEVER,
        )
        vars(self).update(fields)


class ContextRefTune(Foreign):
    def __init__(self, **fields):
        super().__init__(
            attn_style_fidelity=1.0,
            attn_ref_weight=1.0,
            attn_strength=1.0,
            adain_style_fidelity=0.5,
            adain_ref_weight=0.25,
            adain_strength=0.0,
        )
        vars(self).update(fields)


class ContextRefMode(Foreign):
    def __init__(self, mode: str = "indexes", sliding_width: int = 2, indexes=frozenset({0})):
        super().__init__(mode=mode, sliding_width=sliding_width, indexes=set(indexes), single_trigger=True)


class ContextRefKeyframeGroup(KeyframeGroup):
    pass


class NaiveReuse(Foreign):
    def __init__(self, weighted_mean: float = 0.5, multival=None, keyframe=None):
        super().__init__(
            start_percent=0.0,
            end_percent=0.8,
            weighted_mean=weighted_mean,
            orig_multival=multival,
            keyframe=keyframe or NaiveReuseKeyframeGroup(),
        )


class _Multiplied(Foreign):
    def __init__(self, mult: float = 1.0, start_percent: float = 0.0, mask: Tensor | None = None):
        super().__init__(
            mult=mult,
            orig_mult_multival=mask,
            start_percent=start_percent,
            guarantee_steps=1,
            inherit_missing=True,
            start_t=NEVER,
        )


class ContextRefKeyframe(_Multiplied):
    def __init__(self, *given, tune=None, mode=None, **named):
        super().__init__(*given, **named)
        self.orig_tune_replace, self.orig_mode_replace = tune, mode


class NaiveReuseKeyframe(_Multiplied):
    pass


class _AnsweringGroup(KeyframeGroup):
    def prepare_current_keyframe(self, t: Tensor, transformer_options: dict) -> None:
        self.meet(t[0], transformer_options)


class NaiveReuseKeyframeGroup(_AnsweringGroup):
    pass


class CustomCFGKeyframeGroup(_AnsweringGroup):
    """Its keyframes start at the model's highest sigma at most, so that the first one has its steps."""

    def initialize_timesteps(self, model) -> None:
        super().initialize_timesteps(model)
        for keyframe in self.keyframes:
            keyframe.start_t = min(keyframe.start_t, float(model.model_sampling.sigma_max))


class CustomCFGKeyframe(Foreign):
    def __init__(self, cfg_multival: float | Tensor, start_percent: float = 0.0):
        super().__init__(
            cfg_multival=cfg_multival, start_percent=start_percent, guarantee_steps=1, start_t=NEVER
        )


class IterationOptions(Foreign):
    def __init__(self, iterations: int = 1):
        super().__init__(iterations=iterations)


class FreeInitOptions(IterationOptions):
    def __init__(self, iterations: int = 1, apply_to_1st_iter: bool = False):
        super().__init__(iterations)
        self.apply_to_1st_iter = apply_to_1st_iter


class NoisedImageToInjectGroup(Foreign):
    def __init__(self, *injections):
        super().__init__(injections=list(injections))

    def is_empty(self) -> bool:
        return not self.injections


class SampleSettings(Foreign):
    def __init__(self, **fields):
        super().__init__(
            iteration_opts=IterationOptions(),
            noise_calibration=None,
            image_injection=NoisedImageToInjectGroup(),
            custom_cfg=None,
        )
        assert set(fields) <= set(vars(self))
        vars(self).update(fields)


class InjectionParams(Foreign):
    def __init__(self, *contexts: ContextOptions, extras=None, apply_v2_properly: bool = True):
        group = ContextOptionsGroup(*(contexts or (ContextOptions(context_overlap=None),)))
        group.extras = extras or ContextExtrasGroup()
        super().__init__(context_options=group, apply_v2_properly=apply_v2_properly)


class AnimateDiffInfo(Foreign):
    def __init__(self, mm_format: str = "AnimateDiff", mm_version: str = "v3"):
        super().__init__(mm_format=mm_format, mm_version=mm_version, mm_name="mm.safetensors")


class AnimateDiffModel(Foreign):
    def __init__(self, *info: str, most: int | None = 32):
        super().__init__(mm_info=AnimateDiffInfo(*info), encoding_max_len=most)


class MotionModelAttachment(Foreign):
    """Its list of keyframes is a group of its own, its place is on itself."""

    def __init__(self, *keyframes):
        super().__init__(
            keyframes=list(keyframes),
            current_used_steps=0,
            current_keyframe=None,
            current_index=-1,
            previous_t=-1,
            current_scale=None,
            current_effect=None,
            current_per_block_list=None,
            current_cameractrl_effect=None,
            current_pia_input=None,
            **dict.fromkeys(animatediff_frames.OF_FRAMES),
        )

    def prepare_current_keyframe(self, patcher, x: Tensor, t: Tensor, transformer_options: dict) -> None:
        for place in range(self.current_index + 1, len(self.keyframes)):
            if self.keyframes[place].start_t >= t[0]:
                self.current_index, self.current_keyframe = place, self.keyframes[place]
                self.current_scale = self.current_keyframe.scale_multival


class MotionModelGroup(Foreign):
    def __init__(self, *patchers):
        super().__init__(models=list(patchers))


class MotionModelPatcher:
    """A motion model with what its nodes attached to it."""

    def __init__(self, *info: str, keyframes=(), most: int | None = 32):
        self.model = AnimateDiffModel(*info, most=most)
        self._attachment = MotionModelAttachment(*keyframes)

    def get_attachment(self, key: str) -> MotionModelAttachment:
        assert key == "ADE"
        return self._attachment


class AnimateDiffGlobalState(Foreign):
    def __init__(self, params: InjectionParams, settings: SampleSettings, *patchers: MotionModelPatcher):
        super().__init__(
            params=params,
            sample_settings=settings,
            motion_models_devices={"cpu": MotionModelGroup(*patchers)},
            start_step=0,
            current_step=0,
        )

    def initialize(self, model, model_options: dict) -> None:
        groups = [self.params.context_options, self.sample_settings.custom_cfg]
        groups += [reuse.keyframe for reuse in [self.params.context_options.extras.naive_reuse] if reuse]
        for group in groups:
            if group is not None:
                group.initialize_timesteps(model)
