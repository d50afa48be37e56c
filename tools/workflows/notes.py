"""The texts of the notes inside the workflow files."""

HOW = """\
# Restyle a video by unsampling

1. The **Exact Unsampler** runs the sampler backwards: it turns your clip into the noise that the model \
would have started from to make it. Motion and composition are kept in that noise.
2. The **Noiseless Resampler** comes down again with another text, a little more cfg and a weak ControlNet. \
Another *variation* gives another take.

**Use it:** choose a clip in *Load Video*. Write what it shows in *Source* and the look you want in \
*Target*. Run.

## It needs
- **ComfyUI-AnimateDiff-Evolved** (motion between frames)
- **ComfyUI-Advanced-ControlNet** (ControlNet along context windows)
- **Unsampling** (this pack)
"""

LISTED = """
*Models* of group 3 has the loaders and AnimateDiff inside: a double click opens it. ComfyUI offers to \
download \
missing files.
"""

START = HOW + LISTED
START_VHS = HOW + "- **ComfyUI-VideoHelperSuite** (loads and saves the clip)\n" + LISTED

SIZE = """\
*Trim Video* takes the first 2 seconds. *Video Frames* makes about {megapixels} megapixels of any shape, \
both \
sides a multiple of 8{meant}. Lower *megapixels* when memory runs out. *every_nth* 2 takes every second \
frame \
and keeps the speed.
"""

SIZE_SD15 = SIZE.format(megapixels="0.35", meant=": a size for cards with 12 GB")
SIZE_SDXL = SIZE.format(megapixels="0.56", meant=": 1024 x 576 for a clip of 16:9")

SIZE_VHS = """\
*select_every_nth* 2 takes every second frame, *frame_load_cap* 48 stops after 48 of them; 0 takes all. \
*Frame rate as loaded* keeps the speed.

*custom_height* 448 scales the clip while it is read. **For an upright clip** set *custom_width* to 448 and \
*custom_height* to 0. Lower it when memory runs out.

**Sound**: link *audio* of *Load Video* to *Video Combine*. Not for clips without sound: ComfyUI stops at \
the \
loader then.
"""

START_WAN = """\
# Restyle a video by unsampling, on Wan 2.1

1. The **Exact Unsampler** runs the sampler backwards: it turns your clip into the noise that the model \
would have started from to make it. Motion and composition are kept in that noise.
2. The **Noiseless Resampler** comes down again with another text and a little more cfg. \
Another *variation* gives another take.

**Use it:** choose a clip in *Load Video*. Write what it shows in *Source* and the look you want in \
*Target*. Run.

It needs only this pack. *Models* of group 3 has the loaders and the shift inside: a double click opens it. \
ComfyUI offers to download missing files.
"""

START_FLOW = """\
# Restyle a video by unsampling, on {name}

1. The **Exact Unsampler** runs the sampler backwards: it turns your clip into the noise that the model \
would have started from to make it. Motion and composition are kept in that noise.
2. The **Noiseless Resampler** comes down again with another text and {second}. Another \
*variation* gives another take.

**Use it:** choose a clip in *Load Video*. Write what it shows in *Source* and the look you want in \
*Target*. Run.

It needs only this pack. *Models* of group 3 has {inside} inside: a double click opens it. \
ComfyUI offers to download missing files.
"""

START_WAN22 = """\
# Restyle a video by unsampling, on Wan 2.2 14B

Wan 2.2 14B is two models: one for the high noise, one for the low. **Experts by Sigma** makes one guider of \
both, and which is asked depends on sigma alone, in both passes the same.

1. **Exact Unsampler (Advanced)** runs the sampler backwards: it turns your clip into the noise that the \
pair would have started from to make it. Motion and composition are kept in that noise.
2. **Noiseless Resampler (Advanced)** comes down again with another text and a little more cfg. Another \
*variation* gives another take.

**Use it:** choose a clip in *Load Video*. Write what it shows in *Source* and the look you want in \
*Target*. Run.

It needs only this pack. *Models* of group 3 has the loaders and the shifts inside: a double click opens it. \
ComfyUI offers to download missing files.
"""

EXPERTS = """\
Wan 2.2 changes its model at sigma **0.875** for text-to-video and **0.9** for image-to-video, whatever the \
shift. That is *border*, the same in both **Experts by Sigma** nodes.

- **Not two Exact Unsamplers in a row**, as with two KSamplers: the noise of the first is no clip.
- **LoRA, context windows**: behind each model's shift, for that model alone. LoRA of Wan 2.2 come as a \
pair, too.
- **Memory**: one model is on the GPU at a time, and each is moved once a pass.
- **Both shifts are the same**; the schedule is made with the high-noise model's.
"""

SIZE_WAN = """\
*Trim Video* takes the first 2 seconds. *Video Frames* makes about 0.38 megapixels, 848 x 480 for a clip of \
16:9, both sides a multiple of 16. Lower *megapixels* when memory runs out.

Wan's VAE keeps 1, 5, 9, 13, ... frames. *repeat_last* 3 repeats the last frame behind the clip and *As many \
frames as came in* cuts the result: frames in = frames out.

Above 81 frames put core's *Wan Context Windows* between *Models* and all that takes its model.
"""

SIZE_FLOW = """\
*Trim Video* takes the first 2 seconds. *Video Frames* makes about {megapixels} megapixels, {example} for a \
clip of 16:9, both sides a multiple of {multiple}. Lower *megapixels* when memory runs out.

{name}'s VAE keeps {counts} frames. *repeat_last* {repeat} repeats the last frame behind the clip and \
*As many frames as came in* cuts the result: frames in = frames out.

{most} Longer clips: one part after the other, with *start_time* of *Trim Video*.
"""

FLOW = """\
Wan, like SD3, Flux, Hunyuan and LTX, is a *flow* model: its noise goes from 0 to 1, not to 14.6. Align Your \
Steps has no table for it, so the schedule is core's **Basic Scheduler**; *simple* is what Wan is usually \
sampled with.

- **One model for everything.** *Shift of the schedule* (ModelSamplingSD3, in *Models*) sits before Basic \
Scheduler, Exact Unsampler and Resampler. A higher *shift* spends more steps on the strong noise, where \
motion and composition are decided.
- **No AnimateDiff and no motion model**: Wan makes all frames together.
- **Another flow model**: change the loaders in *Models*, and the shift node for that model's own if it has \
one. The rest stays.
"""

PROMPTS = """\
**Source** goes into the *Exact Unsampler*: what the clip shows now, in plain words. It stays for the next \
look.

**Target** goes into the *Resampler*: the same scene in the new look.

On the noisy first steps the Resampler follows the difference of the model's answers for the two: the \
**direct \
path**. Shapes hold there. Below it the recorded noise brings the detail back.

Leave the Exact Unsampler's **cfg at 1**: more spoils the noise.
"""

CLOSE = """\
**Too close to the source?**
- look at the *Source* text: does it say what the clip shows?
- raise *cfg* (2, then 3, up to {cfg}); it acts below the direct path
- lower *direct* of the Resampler (0.4, 0.2): *cfg* acts on more steps then
{weaker}- keep *structure* at 0
{dark}
"""

FAR = """\
**Too far from the source?**
- raise *structure* (0.1, then 0.2 and up; 1 is the source itself)
- lower *cfg* towards 1
"""

LAST = """
**Another take**: run again, or 4 times. The Resampler's *variation* counts up; set it to *fixed* to compare \
settings.

Change one thing at a time. {what} needs no new unsampling: only the second half runs again.
"""

# SD1.5's and SDXL's schedules begin where no answer shows that a look lies across
DARK = "- a dark look of a bright clip, or the other way round: *turn_lightness* on\n"

TUNING = (
    CLOSE.format(cfg=5, dark=DARK, weaker="- lower the ControlNet's *strength* or *end_percent*\n")
    + FAR
    + "- raise the ControlNet's *strength* or *end_percent*\n"
    + LAST.format(what="What is in the Resampler or the ControlNet")
)

TUNING_MASKED = CLOSE.format(cfg=5, weaker="", dark=DARK) + FAR + LAST.format(what="What is in the Resampler")

TUNING_WAN = CLOSE.format(cfg=6, dark="", weaker="") + FAR + LAST.format(what="What is in the Resampler")

TUNING_VACE = (
    CLOSE.format(cfg=6, dark="", weaker="- lower *strength* of *VACE* (0.2; 0 is off)\n")
    + FAR
    + "- raise *strength* of *VACE* (0.6, 0.8)\n"
    + LAST.format(what="What is in the Resampler or in *VACE*")
)

TUNING_HUNYUAN = (
    CLOSE.format(cfg=12, dark="", weaker="").replace(
        "*cfg* (2, then 3, up", "the target's *guidance* (8, then 10, up"
    )
    + FAR.replace("*cfg* towards", "the target's *guidance* towards")
    + LAST.format(what="What is in the Resampler or its guider")
)

CHANGES = """\
**SDXL instead of SD1.5: five changes**
1. **Checkpoint**: an SDXL checkpoint.
2. **VAE**: an SDXL VAE (*sdxl_vae.safetensors*).
3. **Motion model**: HotshotXL (*hsxl_temporal_layers.f16.safetensors*) or AnimateDiff-SDXL \
(*mm_sdxl_v10_beta.ckpt*).
4. **ControlNet**: a canny ControlNet made for SDXL.
5. **Step schedule**: *SDXL* in AYS Scheduler; *auto* finds it from the model.

Then set {size}, and for HotshotXL *context_length* 8 and \
*context_overlap* 2 (inside *Models*). The templates *HotshotXL SDXL* and *AnimateDiff SDXL* have it all.
"""

SDXL = CHANGES.format(size="*megapixels* to 0.56 (1024 x 576)")
SDXL_VHS = CHANGES.format(size="*custom_height* to 576 (1024 x 576)")

FIVE = """\
**SDXL instead of SD1.5: five changes, made here**
1. **Checkpoint**: SDXL (*sd_xl_base_1.0.safetensors*), or one made from it.
2. **VAE**: SDXL's own (*sdxl_vae.safetensors*).
"""

HOTSHOTXL = (
    FIVE
    + """\
3. **Motion model**: HotshotXL (*hsxl_temporal_layers.f16.safetensors*).
4. **ControlNet**: a canny ControlNet made for SDXL (*diffusers_xl_canny_mid.safetensors*).
5. **Step schedule**: *SDXL* in AYS Scheduler; *auto* finds it from the model.

What follows from them:
- HotshotXL was made for 8 frames: *context_length* 8, *context_overlap* 2.
- *beta_schedule* is *linear (HotshotXL/default)*; *autoselect* finds the same.
- *megapixels* is 0.56: 1024 x 576 for a clip of 16:9.

AnimateDiff-SDXL instead: the template *AnimateDiff SDXL*.
"""
)

ANIMATEDIFF_SDXL = (
    FIVE
    + """\
3. **Motion model**: AnimateDiff-SDXL (*mm_sdxl_v10_beta.ckpt*).
4. **ControlNet**: a canny ControlNet made for SDXL (*diffusers_xl_canny_mid.safetensors*).
5. **Step schedule**: *SDXL* in AYS Scheduler; *auto* finds it from the model.

What follows from them:
- AnimateDiff-SDXL was made for 16 frames: *context_length* 16, *context_overlap* 4.
- *beta_schedule* is *linear (AnimateDiff-SDXL)*; *autoselect* finds the same.
- *megapixels* is 0.56: 1024 x 576 for a clip of 16:9.

HotshotXL instead: the template *HotshotXL SDXL*.
"""
)

CHECKPOINTS = "\nAny {kind} fits, and brings its own look: choose one that knows the look you want.\n"

MIGRATION = """\
**You did it with other nodes?**

| there | here |
|---|---|
| *FlipSigmas* | not needed: the Exact Unsampler goes up the same schedule by itself |
| *SamplerCustom* on flipped sigmas, *add_noise* off | **Exact Unsampler** |
| *SamplerCustom* on that noise, *add_noise* off | **Noiseless Resampler** |
| *Unsampler* of ComfyUI_Noise | **Exact Unsampler**; *end* in place of *end_at_step* |
| *KSampler (Advanced)* after it, *add_noise* disable | **Noiseless Resampler** |
| *sampler_name* | *solver*: midpoint comes back exactly |
| *normalize* | never: the noise keeps its strength |
| fewer steps, to stay closer | *structure* |
| *SamplerCustomAdvanced* with a guider | **Exact Unsampler (Advanced)** and its resampler |
"""
