"""What the templates are called.

ComfyUI shows and searches a template by the name of its file, so that name is a title with the words that
people look for. The main one is the first when the titles are sorted. A short name stays for scripts: it is
that of the template's API prompt in `api/`, and was that of the workflow's file in 0.1.0.
"""

from __future__ import annotations

from pathlib import Path

TITLES = {
    "unsampling_animatediff_sd15": "Restyle a video - AnimateDiff SD1.5 vid2vid",
    "unsampling_animatediff_sd15_vhs": (
        "Restyle a video - AnimateDiff SD1.5 with VideoHelperSuite vid2vid unsampling"
    ),
    "unsampling_animatediff_sdxl": "Restyle a video - AnimateDiff SDXL vid2vid style transfer unsampling",
    "unsampling_hotshotxl": "Restyle a video - HotshotXL SDXL vid2vid style transfer unsampling",
    "unsampling_wan_video": "Restyle a video - Wan 2.1 vid2vid video to video unsampling",
    "unsampling_wan22_video": "Restyle a video - Wan 2.2 vid2vid video to video unsampling",
    "unsampling_wan_vace": "Restyle a video - Wan 2.1 VACE Canny control vid2vid unsampling",
    "unsampling_ltxv_video": "Restyle a video - LTXV vid2vid video to video unsampling",
    "unsampling_hunyuan_video": "Restyle a video - HunyuanVideo vid2vid video to video unsampling",
    "unsampling_masked_sd15": (
        "Restyle a video - only the person or background mask AnimateDiff SD1.5 vid2vid"
    ),
    "unsampling_look_ipadapter_sd15": (
        "Restyle a video - look from a picture IP-Adapter style AnimateDiff SD1.5 vid2vid"
    ),
    "unsampling_look_reference_sd15": (
        "Restyle a video - look from a picture Reference style AnimateDiff SD1.5 vid2vid"
    ),
    "unsampling_cross_fade_sd15": (
        "Restyle a video - two prompts that cross-fade schedule AnimateDiff SD1.5 vid2vid"
    ),
    "unsample_resample_image": "Restyle one picture - unsampling SD1.5 img2img style transfer",
    "restyle_saved_noise": "Restyle saved noise - grid of looks AnimateDiff SD1.5 vid2vid unsampling",
}


def title_of(name: str) -> str:
    """The file name, without suffix, of the template with this short name."""
    return TITLES.get(name, name)


def found(path: Path) -> Path:
    """The template's file where the path has its name of 0.1.0; any other path as it is."""
    renamed = path.with_name(f"{title_of(path.stem)}{path.suffix}")
    return renamed if not path.exists() and renamed.is_file() else path
