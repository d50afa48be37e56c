"""The texts of the notes inside the workflow files."""

HOW = """\
# Restyle a video by unsampling

1. The **Unsampler** runs the sampler backwards: it turns your clip into the noise that the model would \
have started from to make it. Nothing random is added, so motion and composition are kept in that noise.
2. The **Noiseless Resampler** samples that noise again, with your prompt, a little more cfg and a weak \
ControlNet. It has no seed: the same settings give the same video.

**Use it:** choose a clip in *Load Video*, write the look you want in *Target prompt*, and run.

## It needs
- **ComfyUI-AnimateDiff-Evolved** (motion between frames)
- **ComfyUI-Advanced-ControlNet** (ControlNet along context windows)
- **Unsampling** (this pack)
"""

LISTED = """
Models are listed in the loaders of group 2; ComfyUI offers to download the missing ones.

"""

START = (
    HOW
    + LISTED
    + """\
## Size and memory
*Trim Video* takes the first 2 seconds. *Video Frames* makes about 0.35 megapixels of any shape, upright \
or wide, with both sides a multiple of 8: a size for cards with 12 GB. Lower *megapixels* when memory runs \
out. Frames are scaled as they are decoded: 1,000 of them, their edges and the result take about 10 GB of \
RAM, whatever the clip's own size. *every_nth* 2 takes every second frame and keeps the speed.
"""
)

START_SDXL = (
    HOW
    + LISTED
    + """\
## Size and memory
*Trim Video* takes the first 2 seconds. *Video Frames* makes about 0.56 megapixels of any shape, with both \
sides a multiple of 8: 1024 x 576 for a clip of 16:9. SDXL needs more memory than SD1.5: lower *megapixels* \
when it runs out. The model sees *context_length* frames at a time, however long the clip is.
"""
)

START_VHS = (
    HOW
    + """\
- **ComfyUI-VideoHelperSuite** (loads and saves the clip)
"""
    + LISTED
    + """\
## Which frames
*select_every_nth* 2 takes every second frame and *frame_load_cap* 48 stops after 48 of them; 0 takes all. \
*Frame rate as loaded* hands the matching rate to *Video Combine*, so that the speed stays. \
*skip_first_frames* starts later. Other formats, GIF among them, are in *Video Combine*.

**Sound**: link *audio* of *Load Video* to *audio* of *Video Combine*. Not for clips without sound: \
ComfyUI stops at the loader then.

## Size and memory
*custom_height* 448 scales the clip while it is read, so that its own size takes no memory: 16:9 becomes \
800 x 448. **For an upright clip** set *custom_width* to 448 and *custom_height* to 0. Both at 0 load the \
clip's own size. *format* AnimateDiff makes both sides a multiple of 8. Go lower when memory runs out.
"""
)

START_WAN = """\
# Restyle a video by unsampling, on Wan 2.1

1. The **Unsampler** runs the sampler backwards: it turns your clip into the noise that the model would \
have started from to make it. Nothing random is added, so motion and composition are kept in that noise.
2. The **Noiseless Resampler** samples that noise again, with your prompt and a little more cfg. It has no \
seed: the same settings give the same video.

**Use it:** choose a clip in *Load Video*, write the look you want in *Target prompt*, and run.

It needs only this pack. Models are listed in the loaders of group 2; ComfyUI offers to download the \
missing ones.

## Frames
Wan's VAE keeps 1, 5, 9, 13, ... frames and drops what is over. *repeat_last* 3 puts the last frame three \
times more behind the clip, so that nothing is dropped, and *As many frames as came in* cuts the result: \
frames in = frames out, whatever their number.

## Size and memory
*Trim Video* takes the first 2 seconds. Wan was made for up to 81 frames at 16 a second; for longer clips \
put core's *Wan Context Windows* behind *Shift of the schedule*. *Video Frames* makes about 0.38 \
megapixels, 848 x 480 for a clip of 16:9, with both sides a multiple of 16. Lower *megapixels* when memory \
runs out. The VAE works a few frames at a time, so main memory holds the source and the result, each once: \
0.8 GB for 81 frames of 848 x 480.
"""

FLOW = """\
**A flow model has its own schedule**

Wan, like SD3, Flux, Hunyuan and LTX, is a *flow* model: its noise goes from 0 to 1, not to 14.6. \
Align Your Steps has no table for it, so the schedule is core's **Basic Scheduler**. *simple* is what Wan is \
usually sampled with.

- **One model for everything.** *Shift of the schedule* (ModelSamplingSD3) sits before Basic Scheduler, \
Unsampler and Resampler. A higher *shift* spends more steps on the strong noise, where motion and \
composition are decided.
- **No AnimateDiff and no motion model**: Wan makes all frames together.
- **Another flow model**: change the loaders of group 2, and the shift node for that model's own if it has \
one. The rest stays.

*Inversion Report* tells whether the noise is what it should be; it costs no model call.
"""

PROMPTS = """\
**Which prompt does the Unsampler get?** One link decides: the one into *positive* of the **Unsampler**. \
Drag it from another prompt of group 3 to change it.

- **Target prompt** (linked now, the original guide's choice): nothing to describe. With the Resampler's \
*cfg* at 1 the clip comes back almost as it was; the new look comes from a higher *cfg*.
- **Source description**: say in plain words what the clip shows. The change becomes the difference \
between the two texts, already at *cfg* 1: often the more faithful restyle. Start at *cfg* 1 to 1.5.
- **Empty prompt**: unsamples with no opinion about the picture; for clips that are hard to describe. \
Start at *cfg* 1 to 1.5 as well.

The Resampler always keeps the target prompt. Leave the Unsampler's **cfg at 1**: more spoils the noise.
"""

TUNING = """\
**Too close to the source?**
- raise *cfg* (2, then 3, up to 5)
- lower the ControlNet's *strength* or *end_percent*
- give the Unsampler the source description or the empty prompt
- keep *structure* at 0

**Too far from the source?**
- raise *structure* (0.1, then 0.2 and up; 1 is the source itself)
- lower *cfg* towards 1
- raise the ControlNet's *strength* or *end_percent*

Change one thing at a time. *cfg*, *structure* and the ControlNet do not need a new unsampling: only the \
second half runs again.
"""

TUNING_WAN = """\
**Too close to the source?**
- raise *cfg* (2, then 3, up to 6)
- give the Unsampler the source description or the empty prompt
- keep *structure* at 0

**Too far from the source?**
- raise *structure* (0.1, then 0.2 and up; 1 is the source itself)
- lower *cfg* towards 1

Change one thing at a time. *cfg* and *structure* do not need a new unsampling: only the second half runs \
again.
"""

CHANGES = """\
**SDXL instead of SD1.5: five changes**
1. **Checkpoint**: an SDXL checkpoint.
2. **VAE**: an SDXL VAE (*sdxl_vae.safetensors*).
3. **Motion model**: HotshotXL (*hsxl_temporal_layers.f16.safetensors*) or AnimateDiff-SDXL \
(*mm_sdxl_v10_beta.ckpt*).
4. **ControlNet**: a canny ControlNet made for SDXL.
5. **Step schedule**: *SDXL* in AYS Scheduler; *auto* finds it from the model.

Then set {size}, and for HotshotXL *context_length* 8 and
*context_overlap* 2. The templates *unsampling hotshotxl* and *unsampling animatediff sdxl* have it all.
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

AnimateDiff-SDXL instead: the template *unsampling animatediff sdxl*.
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

HotshotXL instead: the template *unsampling hotshotxl*.
"""
)

IMAGE = """\
# Unsample and resample one picture

Sampling turns noise into a picture. **Unsampling** goes the other way: it finds the noise this picture \
would have come from. Nothing random is added.

**Try this**
1. Run it as it is. Both passes use the same prompt and cfg 1, so the picture comes back: what is left \
of a difference is the VAE's.
2. Link *Source description* to *positive* of the **Unsampler**, and say in it what the picture shows. \
Now the difference between the two texts is what changes; the composition stays.
3. Raise the Resampler's *cfg* to 2 for more of the target. Too far from the source? Raise *structure*.

Leave the Unsampler's *cfg* at 1: more spoils the noise. Needs only this pack and an SD1.5 checkpoint.
"""
