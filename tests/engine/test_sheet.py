"""The labelled grid: every clip in its place and time, every label readable and inside its cell."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unsampling.report import sheet

GROUND = torch.tensor([0x1F, 0x23, 0x29]) / 255


def clip(value: float, frames: int = 3, height: int = 20, width: int = 32) -> torch.Tensor:
    """One colour, which gets brighter from frame to frame."""
    return torch.full((frames, height, width, 3), value) + 0.05 * torch.arange(frames).reshape(-1, 1, 1, 1)


def cell(made: sheet.Sheet, i: int) -> torch.Tensor:
    top, left = made.layout.corner(i)
    return made.frames[:, top : top + made.layout.height, left : left + made.layout.width]


def label(made: sheet.Sheet, i: int) -> torch.Tensor:
    (top, left), layout = made.layout.corner(i), made.layout
    below = top + layout.height
    return made.frames[:, below : below + layout.strip, left : left + layout.width]


@given(st.integers(1, 9), st.integers(0, 10), st.integers(1, 4), st.integers(32, 90), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_every_clip_has_its_place_in_every_frame(count, columns, frames, width, height):
    made = sheet.Sheet([f"clip {i}" for i in range(count)], columns, frames, width, height)
    for i in range(count):
        made.fill(i, clip(0.1 * i, frames, height, width))
    for i in range(count):
        assert torch.equal(cell(made, i), clip(0.1 * i, frames, height, width))
    high, wide = made.layout.size
    assert tuple(made.frames.shape) == (frames, high, wide, 3) and high % 2 == wide % 2 == 0
    rows = -(-count // made.layout.columns)
    assert rows * made.layout.columns >= count and (
        columns == 0 or made.layout.columns == min(columns, count)
    )


@pytest.mark.parametrize("count, columns", [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (9, 3), (10, 4), (12, 4)])
def test_without_a_number_there_are_about_as_many_rows_as_columns(count, columns):
    assert sheet.columns_of(count, 0) == columns


@pytest.mark.parametrize("size", [(20, 32), (40, 64), (10, 16), (33, 47)])
def test_clips_are_scaled_to_their_cells_and_keep_their_colour(size):
    made = sheet.Sheet(["a"], 1, 20, 32, 20)
    made.fill(0, clip(0.2, 20, *size).clamp(0, 1))
    expected = clip(0.2, 20, 20, 32).clamp(0, 1)
    assert torch.allclose(cell(made, 0), expected, atol=1e-5)


def test_transparency_and_half_precision_are_taken():
    made = sheet.Sheet(["a"], 1, 2, 32, 20)
    made.fill(0, torch.cat([clip(0.5, 2), torch.ones(2, 20, 32, 1)], -1).half())
    assert torch.allclose(cell(made, 0), clip(0.5, 2), atol=1e-3)


def test_labels_stand_below_their_clips_the_same_in_all_frames():
    made = sheet.Sheet(["cfg 2, structure 0.3: oil painting", "cfg 3", "cfg 3"], 2, 3, 200, 20)
    strips = [label(made, i) for i in range(3)]
    for strip in strips:
        assert torch.equal(strip, strip[:1].expand_as(strip))
        bright = (strip > 0.7).float().mean()
        assert 0.005 < bright < 0.4
        # nothing is cut off below
        assert torch.allclose(strip[:, -2:], GROUND.expand_as(strip[:, -2:]))
    assert torch.equal(strips[1], strips[2]) and not torch.equal(strips[0], strips[1])


@given(st.text(max_size=300), st.integers(32, 700))
@settings(max_examples=80, deadline=None)
def test_any_text_fits_its_lines(text, width):
    lines = sheet.wrapped(text, width)
    assert 1 <= len(lines) <= sheet.LINES
    font = sheet._font(width)
    assert all(font.getlength(line) <= width for line in lines if len(line) > 4)


def test_words_stay_whole_and_what_is_left_out_is_marked():
    assert " ".join(sheet.wrapped("cfg 2, structure 0.3: oil painting of a man", 200)) == (
        "cfg 2, structure 0.3: oil painting of a man"
    )
    long = sheet.wrapped("oil painting of a man who walks through a city " * 5, 200)
    assert len(long) == sheet.LINES and long[-1].endswith(" ...")
    assert "".join(sheet.wrapped("x" * 40, 120)) == "x" * 40


@pytest.mark.parametrize("width, size", [(64, 12), (320, 17), (512, 28), (2000, 32)])
def test_letters_grow_with_the_cell(width, size):
    assert sheet._size(width) == size
