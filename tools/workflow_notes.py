"""The texts of the notes inside the workflow files."""

START = """\
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

Models are listed in the loaders of group 2; ComfyUI offers to download the missing ones.

## Size and memory
*Trim Video* takes the first 2 seconds. *Scale Image* makes about 0.35 megapixels of any shape, upright \
or wide, with both sides a multiple of 8: a size for cards with 12 GB. Lower *megapixels* when memory runs \
out. Clips in 4K are decoded at full size first and need about 6 GB of RAM for 2 seconds; 1080p needs a \
quarter of that.
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

SDXL = """\
**SDXL instead of SD1.5: five changes**
1. **Checkpoint**: an SDXL checkpoint.
2. **VAE**: an SDXL VAE (*sdxl_vae.safetensors*).
3. **Motion model**: HotshotXL (*hsxl_temporal_layers.f16.safetensors*) or AnimateDiff-SDXL \
(*mm_sdxl_v10_beta.ckpt*).
4. **ControlNet**: a canny ControlNet made for SDXL.
5. **Step schedule**: *SDXL* in AYS Scheduler; *auto* finds it from the model.

Then set *megapixels* to 0.56 (1024 x 576), and for HotshotXL *context_length* 8 and
*context_overlap* 2.
"""

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
