"""What a run shows on the nodes, put there by the messages that a server would send: the samplers' previews,
the report's text and chart, and the results."""

from pathlib import Path

import numpy as np
from browser.sample_media import sample_media
from PIL import Image
from playwright.sync_api import Page

SAMPLERS = (
    *("UNS_Unsampler", "UNS_NoiselessResampler", "UNS_RestyleGrid"),
    *("UNS_UnsamplerAdvanced", "UNS_NoiselessResamplerAdvanced"),
)
CHART = "chart.png"
# as long as a real one of weak noise
TEXT = """\
noise too weak (0.36 of expected): 16 steps of midpoint fall short; raise the steps, use the model's schedule
and motion, or add grain to a render; or, for a model for few steps (LCM, Lightning), keep its steps, and set
direct to 1 in the Exact Unsampler, which leaves the noise out
noise at sigma 14.6, 16 frames: std 0.36 (0.34 to 0.38) of expected, mean 0.01 std, excess kurtosis 0.51
correlations: neighbouring pixels 0.03 (0.01 to 0.04), neighbouring frames -0.05 (-0.10 to 0.02), source 0.16
record: plain midpoint would miss by 1.6 percent at step 13 of 16 (sigma 0.58)
made with model SD15, solver midpoint, steps 16"""
RESULTS = {
    "UNS_InversionReport": {
        "text": [TEXT],
        "images": [{"filename": CHART, "subfolder": "", "type": "temp"}],
    },
    "SaveVideo": {
        "images": [{"filename": "your_clip.mp4", "subfolder": "", "type": "output"}],
        "animated": [True],
    },
    "SaveImage": {"images": [{"filename": "example.png", "subfolder": "", "type": "output"}]},
}
SHOW = """async ([samplers, results]) => {
    const api = window.comfyAPI.api.api;
    const ofType = (type) => app.rootGraph.nodes.filter((one) => one.type === type);
    const canvas = Object.assign(document.createElement('canvas'), {width: 512, height: 288});
    const pen = canvas.getContext('2d');
    for (let x = 0; x < 512; x += 16) {
        pen.fillStyle = `hsl(${x / 2}, 60%, 50%)`;
        pen.fillRect(x, 0, 16, 288);
    }
    const blob = await new Promise((done) => canvas.toBlob(done));
    for (const type of samplers) for (const {id} of ofType(type)) {
        const node = String(id);
        api.dispatchCustomEvent('b_preview_with_metadata', {
            blob, nodeId: node, displayNodeId: node, parentNodeId: node, realNodeId: node,
            jobId: 'run', promptId: 'run',
        });
    }
    for (const [type, output] of Object.entries(results)) for (const {id} of ofType(type)) {
        const node = String(id);
        api.dispatchCustomEvent('executed', {node, display_node: node, output, prompt_id: 'run'});
    }
    app.canvas.setDirty(true, true);
}"""


def media_of_a_run(folder: Path) -> dict[str, Path]:
    """A clip, a picture and a report's chart, by the names under which the page asks for them."""
    chart = folder / CHART
    ramp = np.linspace(40, 220, 900, dtype=np.uint8)
    Image.fromarray(np.broadcast_to(ramp[None, :, None], (600, 900, 3)).copy()).save(chart)
    return sample_media(folder) | {CHART: chart}


def show_a_run(page: Page) -> None:
    """As a run leaves the nodes, and with the previews that it shows on the way."""
    page.evaluate(SHOW, [SAMPLERS, RESULTS])
    page.wait_for_timeout(1500)
