"""The README's picture of a workflow in the real frontend: `python tools/dev/screenshot_workflows.py`.

Writes docs/images/workflow_sd15.jpg.
"""

import io
import json
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser.frontend import chromium, load, missing, open_frontend  # noqa: E402  (paths first)
from browser.sample_media import sample_media  # noqa: E402
from playwright.sync_api import FloatRect, Page  # noqa: E402

from tools.workflows.build import file_of, recorded_info  # noqa: E402

WINDOW = (3200, 1800)
MARGIN = 24
SLOW_MS = 120_000
TARGETS = {  # picture: (workflow, width in pixels, largest size in bytes)
    "docs/images/workflow_sd15.jpg": ("unsampling_animatediff_sd15", 1920, 250_000),
}
# Fits the groups into the window, at most at their natural size; returns them as a rectangle on the page.
FIT = """async (room) => {
    const boxes = app.graph.groups.map((group) => group.boundingRect ?? group._bounding);
    const left = Math.min(...boxes.map((box) => box[0])), top = Math.min(...boxes.map((box) => box[1]));
    const width = Math.max(...boxes.map((box) => box[0] + box[2])) - left;
    const height = Math.max(...boxes.map((box) => box[1] + box[3])) - top;
    const canvas = app.canvas.canvas.getBoundingClientRect();
    const scale = Math.min(1, (canvas.width - 2 * room) / width, (canvas.height - 2 * room) / height);
    const x = (canvas.width - width * scale) / 2, y = (canvas.height - height * scale) / 2;
    app.canvas.ds.scale = scale;
    app.canvas.ds.offset = [x / scale - left, y / scale - top];
    app.canvas.setDirty(true, true);
    return {x: canvas.left + x, y: canvas.top + y, width: width * scale, height: height * scale};
}"""
SHOW_MEDIA = ("LoadVideo", "LoadImage", "VHS_LoadVideo")
MEDIA_SHOWN = "() => document.querySelector('video') || app.graph.nodes.some((node) => node.imgs)"
MEDIA_LOADED = """() => [...document.querySelectorAll('video[src]')].every((video) => video.readyState >= 2)
    && app.graph.nodes.every((node) => (node.imgs ?? []).every((image) => image.complete))"""
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def picture_of(page: Page, workflow: dict) -> Image.Image:
    """The whole graph, cropped to its groups."""
    load(page, workflow)
    if any(node["type"] in SHOW_MEDIA for node in workflow["nodes"]):
        page.wait_for_function(MEDIA_SHOWN, timeout=SLOW_MS)
    page.wait_for_function(MEDIA_LOADED, timeout=SLOW_MS)
    area = page.evaluate(FIT, 120)
    for _ in range(5):
        page.evaluate(TWO_FRAMES)
    clip: FloatRect = {
        "x": area["x"] - MARGIN,
        "y": area["y"] - MARGIN,
        "width": area["width"] + 2 * MARGIN,
        "height": area["height"] + 2 * MARGIN,
    }
    return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")


def jpeg(picture: Image.Image, width: int, most: int) -> bytes:
    """The picture at this width, at the best quality that fits the size."""
    small = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    for quality in range(92, 30, -4):
        body = io.BytesIO()
        small.save(body, "JPEG", quality=quality, optimize=True, progressive=True)
        if body.tell() <= most:
            return body.getvalue()
    raise SystemExit(f"A picture {width} pixels wide does not fit {most} bytes: lower its width in TARGETS.")


def save(name: str, picture: Image.Image) -> None:
    """Write the picture to every target that shows this workflow."""
    for target, (shown, width, most) in TARGETS.items():
        if shown == name:
            path = ROOT / target
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(jpeg(picture, width, most))
            print(f"wrote {target} ({path.stat().st_size // 1000} kB)", flush=True)


def main() -> None:
    """Take every picture."""
    if reason := missing():
        raise SystemExit(f"No screenshots: {reason}.")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        media = sample_media(Path(folder))
        for name in {shown for shown, _, _ in TARGETS.values()}:
            with open_frontend(browser, recorded_info(), media=media, size=WINDOW) as page:
                save(name, picture_of(page, json.loads(file_of(name).read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
