"""The pictures of the help pages: each node has a drawing, and what is committed is what is drawn."""

import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("diffusers", reason="diffusers is not installed: `make setup` brings it")

from demo.help import drawing, frames, passes
from demo.help.__main__ import PAGES

NODES = json.loads((PAGES.parents[1] / "tests/data/node_interfaces.json").read_text(encoding="utf-8"))
# those that neither ask the model nor need what only ComfyUI brings along
QUICK = sorted(set(frames.PICTURES) - {"UNS_CannyEdges"})


def test_each_node_has_a_drawing():
    assert set(frames.PICTURES) | set(passes.PICTURES) == set(NODES)
    assert not set(frames.PICTURES) & set(passes.PICTURES)


@pytest.mark.parametrize("node", QUICK)
def test_the_committed_picture_is_what_is_drawn(node):
    """As far as a picture with losses can tell: other words or other numbers change more than that."""
    drawn = frames.PICTURES[node]()
    with Image.open(PAGES / node / "effect.webp") as found:
        committed = found.convert("RGB")
    assert drawn.size == committed.size
    apart = np.abs(np.asarray(drawn, np.float32) - np.asarray(committed, np.float32))
    assert apart.mean() < 4 and (apart.min(2) > 60).mean() < 0.005


def test_it_would_be_seen_if_the_words_were_others():
    drawn, other = (
        drawing.bars(title, [drawing.Bar("a", [1.0], "5 MiB")]) for title in ("Peak", "Other words")
    )
    assert drawn.size == other.size and np.abs(np.asarray(drawn, int) - np.asarray(other, int)).max() > 60


def test_a_picture_that_stays_too_large_is_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (1600, 800, 3), np.uint8)
    with pytest.raises(ValueError, match=r"x\.webp has \d+ bytes, more than 40000"):
        drawing.save(Image.fromarray(noise), tmp_path / "x.webp")


def test_letters_can_be_read_at_half_the_size():
    assert drawing.WIDTH == 800 and drawing.LETTERS >= 24


def test_words_are_cut_into_lines_that_fit():
    lines = drawing._wrapped("a frame of the clip\nand what is kept of it", 160)
    assert len(lines) > 2 and all(drawing.font().getlength(line) <= 160 for line in lines)
