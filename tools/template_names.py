"""What the templates are called.

ComfyUI shows and searches a template by the name of its file, so that name is a title with the words that
people look for. The main one is the first when the titles are sorted, and for words that fit it as well as
others: frontends since 1.49, or a little before, rank a title of fewer different words higher, so each
other title has more. Older ones read the first 33 characters or so: vid2vid is among them where it can be.
A short name stays for scripts: it is that of the template's API prompt in `api/`, and was that of the
workflow's file in 0.1.0.
"""

from __future__ import annotations

from pathlib import Path

TITLES = {
    "unsampling_animatediff_sd15": (
        "Restyle a video - AnimateDiff vid2vid SD1.5 video to video style transfer unsampling"
    ),
    "unsampling_animatediff_sd15_vhs": (
        "Restyle a video - AnimateDiff with Video Helper Suite VHS nodes vid2vid SD1.5 unsampling"
    ),
    "unsampling_animatediff_sdxl": (
        "Restyle a video - SDXL AnimateDiff vid2vid with its motion model style transfer unsampling"
    ),
    "unsampling_hotshotxl": (
        "Restyle a video - HotshotXL vid2vid SDXL 8 frames at a time style transfer unsampling"
    ),
    "unsampling_wan_video": (
        "Restyle a video - Wan 2.1 1.3B vid2vid flow model core nodes only video to video unsampling"
    ),
    "unsampling_wan22_video": (
        "Restyle a video - Wan 2.2 14B vid2vid high and low noise model video to video unsampling"
    ),
    "unsampling_wan_vace": (
        "Restyle a video - Wan 2.1 VACE vid2vid Canny control by edges of the clip unsampling"
    ),
    "unsampling_ltxv_video": (
        "Restyle a video - LTXV LTX vid2vid flow model on core nodes only video to video unsampling"
    ),
    "unsampling_hunyuan_video": (
        "Restyle a video - HunyuanVideo vid2vid flow model on core nodes only video to video unsampling"
    ),
    "unsampling_masked_sd15": (
        "Restyle a video - only the person or background mask AnimateDiff SD1.5 vid2vid unsampling"
    ),
    "unsampling_look_ipadapter_sd15": (
        "Restyle a video - IP-Adapter look from a picture style AnimateDiff SD1.5 vid2vid unsampling"
    ),
    "unsampling_look_reference_sd15": (
        "Restyle a video - Reference look from a picture style AnimateDiff SD1.5 vid2vid unsampling"
    ),
    "unsampling_cross_fade_sd15": (
        "Restyle a video - two prompts that cross-fade prompt travel schedule AnimateDiff SD1.5 vid2vid"
    ),
    "unsample_resample_image": (
        "Restyle one picture - img2img SD1.5 image to image style transfer unsampling to begin with"
    ),
    "restyle_saved_noise": (
        "Restyle saved noise - grid of many looks to choose from vid2vid AnimateDiff SD1.5 unsampling"
    ),
}
# what the files were called before: scripts may still name them so
FORMER = {
    "unsampling_animatediff_sd15": ("Restyle a video - AnimateDiff SD1.5 vid2vid",),
    "unsampling_animatediff_sd15_vhs": (
        "Restyle a video - AnimateDiff SD1.5 with VideoHelperSuite vid2vid unsampling",
    ),
    "unsampling_animatediff_sdxl": ("Restyle a video - AnimateDiff SDXL vid2vid style transfer unsampling",),
    "unsampling_hotshotxl": ("Restyle a video - HotshotXL SDXL vid2vid style transfer unsampling",),
    "unsampling_wan_video": ("Restyle a video - Wan 2.1 vid2vid video to video unsampling",),
    "unsampling_wan22_video": ("Restyle a video - Wan 2.2 vid2vid video to video unsampling",),
    "unsampling_wan_vace": ("Restyle a video - Wan 2.1 VACE Canny control vid2vid unsampling",),
    "unsampling_ltxv_video": ("Restyle a video - LTXV vid2vid video to video unsampling",),
    "unsampling_hunyuan_video": ("Restyle a video - HunyuanVideo vid2vid video to video unsampling",),
    "unsampling_masked_sd15": (
        "Restyle a video - only the person or background mask AnimateDiff SD1.5 vid2vid",
    ),
    "unsampling_look_ipadapter_sd15": (
        "Restyle a video - look from a picture IP-Adapter style AnimateDiff SD1.5 vid2vid",
        "Restyle a video - look from a picture IP-Adapter style AnimateDiff SD1.5 vid2vid unsampling",
    ),
    "unsampling_look_reference_sd15": (
        "Restyle a video - look from a picture Reference style AnimateDiff SD1.5 vid2vid",
        "Restyle a video - look from a picture Reference style AnimateDiff SD1.5 vid2vid unsampling",
    ),
    "unsampling_cross_fade_sd15": (
        "Restyle a video - two prompts that cross-fade schedule AnimateDiff SD1.5 vid2vid",
    ),
    "unsample_resample_image": ("Restyle one picture - unsampling SD1.5 img2img style transfer",),
    "restyle_saved_noise": ("Restyle saved noise - grid of looks AnimateDiff SD1.5 vid2vid unsampling",),
}
SHORT_NAMES = {title: name for name, title in TITLES.items()} | {
    title: name for name, titles in FORMER.items() for title in titles
}


def short_name(stem: str) -> str | None:
    """The short name of the template that has or had this file name, without suffix; None for any other."""
    return stem if stem in TITLES else SHORT_NAMES.get(stem)


def title_of(name: str) -> str:
    """The file name, without suffix, of the template with this short name."""
    return TITLES.get(name, name)


def found(path: Path) -> Path:
    """The template's file where the path has an earlier name of it; any other path as it is."""
    name = short_name(path.stem)
    renamed = path.with_name(f"{title_of(name)}{path.suffix}") if name else path
    return renamed if not path.exists() and renamed.is_file() else path
