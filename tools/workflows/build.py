"""Writes workflows/*.json and subgraphs/*.json from their descriptions: `python tools/workflows/build.py`.

The recorded /object_info of tests/data tells which slots and widgets each node type has. After a node
changes, record it again with tools/dev/record_object_info.py, then run this.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.template_names import title_of  # noqa: E402  (the root must be on the path first)
from tools.workflows.animatediff import restyle  # noqa: E402
from tools.workflows.blueprints import BLUEPRINTS  # noqa: E402
from tools.workflows.cross_fade import unsampling_cross_fade  # noqa: E402
from tools.workflows.families import ANIMATEDIFF_SDXL, HOTSHOTXL, SD15  # noqa: E402
from tools.workflows.hunyuan import unsampling_hunyuan_video  # noqa: E402
from tools.workflows.image import unsample_resample_image  # noqa: E402
from tools.workflows.look import WITH_IPADAPTER, WITH_REFERENCE, unsampling_look  # noqa: E402
from tools.workflows.ltxv import unsampling_ltxv_video  # noqa: E402
from tools.workflows.masked import unsampling_masked  # noqa: E402
from tools.workflows.saved_noise import restyle_saved_noise  # noqa: E402
from tools.workflows.wan import (  # noqa: E402
    unsampling_wan22_video,
    unsampling_wan_vace,
    unsampling_wan_video,
)

FOLDER = ROOT / "workflows"
SUBGRAPHS = ROOT / "subgraphs"  # where ComfyUI looks for the blueprints of a pack
OBJECT_INFO = ROOT / "tests" / "data" / "object_info.json"
PROMPTS = ROOT / "api"  # each workflow's API prompt, as the frontend makes it
VHS_INFO = ROOT / "tests" / "data" / "object_info_vhs.json"  # apart: not every server has that pack
IPADAPTER_INFO = ROOT / "tests" / "data" / "object_info_ipadapter.json"  # nor that one

WORKFLOWS: dict[str, Callable[[dict], dict]] = {
    "unsampling_animatediff_sd15": partial(restyle, family=SD15),
    "unsampling_animatediff_sd15_vhs": partial(restyle, family=SD15, vhs=True),
    "unsampling_hotshotxl": partial(restyle, family=HOTSHOTXL),
    "unsampling_animatediff_sdxl": partial(restyle, family=ANIMATEDIFF_SDXL),
    "unsampling_wan_video": unsampling_wan_video,
    "unsampling_wan22_video": unsampling_wan22_video,
    "unsampling_wan_vace": unsampling_wan_vace,
    "unsampling_ltxv_video": unsampling_ltxv_video,
    "unsampling_hunyuan_video": unsampling_hunyuan_video,
    "unsampling_masked_sd15": unsampling_masked,
    "unsampling_look_ipadapter_sd15": partial(unsampling_look, way=WITH_IPADAPTER),
    "unsampling_look_reference_sd15": partial(unsampling_look, way=WITH_REFERENCE),
    "unsampling_cross_fade_sd15": unsampling_cross_fade,
    "unsample_resample_image": unsample_resample_image,
    "restyle_saved_noise": restyle_saved_noise,
}


def recorded_info() -> dict:
    """Every node type that the repository has recorded."""
    return {
        kind: entry
        for path in (OBJECT_INFO, VHS_INFO, IPADAPTER_INFO)
        for kind, entry in json.loads(path.read_text(encoding="utf-8")).items()
    }


def file_of(name: str) -> Path:
    """The template's file."""
    return FOLDER / f"{title_of(name)}.json"


def build(object_info: dict | None = None) -> dict[str, str]:
    """The text of every workflow file by its short name."""
    info = object_info or recorded_info()
    return {name: json.dumps(describe(info), indent=2) + "\n" for name, describe in WORKFLOWS.items()}


def blueprints(object_info: dict | None = None) -> dict[Path, str]:
    """The text of every blueprint by its file."""
    info = object_info or recorded_info()
    return {
        SUBGRAPHS / f"{name}.json": json.dumps(describe(info), indent=2) + "\n"
        for name, describe in BLUEPRINTS.items()
    }


def main() -> None:
    """Write the files."""
    SUBGRAPHS.mkdir(exist_ok=True)
    files = {file_of(name): text for name, text in build().items()} | blueprints()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)} ({len(text) // 1024} KiB)")


if __name__ == "__main__":
    main()
