"""A user's clip as the model gets it: fitted, cut short with a word, and in bounded memory."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.host.in_host import TIDY
from demo import world
from demo.clip import DECODED, MOST_FRAMES, built_in, enlarged, fitted, model_size, of_file

ROOT = Path(__file__).parents[2]
READ = """
import sys
from pathlib import Path
from demo.clip import of_file
print(*of_file(Path(sys.argv[1])).x.shape)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def moving_bar(frames: int, height: int, width: int) -> np.ndarray:
    """Grey, with a bright bar that moves by one column a frame."""
    clip = np.full((frames, height, width, 3), 90, np.uint8)
    for i, frame in enumerate(clip):
        frame[:, i % width] = (250, 200, 40)
    return clip


def write_fast(path: Path, frames: int, height: int, width: int) -> None:
    """One picture over and over, encoded as fast as x264 can."""
    picture = moving_bar(1, height, width)[0]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        for i in range(frames):
            frame.pts, frame.time_base = i, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [
        (64, 64, (64, 64)),
        (1080, 1080, (64, 64)),
        (1080, 1920, (48, 80)),
        (1920, 1080, (80, 48)),
        (480, 640, (56, 72)),
        (16, 4096, (16, 256)),
        (2, 2, (64, 64)),
    ],
)
def test_the_size_is_the_nearest_shape_that_the_model_takes(height, width, size):
    assert model_size(height, width) == size


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 4000), width=st.integers(1, 4000))
def test_any_size_is_fitted_and_little_of_an_ordinary_shape_is_cut_off(height, width):
    tall, wide = model_size(height, width)
    assert tall % 8 == wide % 8 == 0 and min(tall, wide) >= 16 and tall * wide <= 64 * 64
    if 1 / 3 <= width / height <= 3:
        shape = (wide / tall) / (width / height)
        assert min(shape, 1 / shape) > 0.83 and tall * wide > 0.68 * 64 * 64


def test_an_enlarged_clip_is_fitted_to_what_it_was():
    x = torch.randint(0, 256, (3, 3, 64, 64), generator=torch.Generator().manual_seed(0)) / 127.5 - 1
    torch.testing.assert_close(fitted(enlarged(x)), x, rtol=0, atol=1e-6)


def test_what_is_cut_off_is_cut_off_on_both_sides_and_the_rest_is_averaged():
    wide = np.zeros((1, 90, 160, 3), np.uint8)
    wide[:, :, 5:155] = 100
    wide[:, ::2] += 20
    x = fitted(wide)
    assert x.shape == (1, 3, 48, 80)
    middle = x[..., 0, 40]
    torch.testing.assert_close(middle, torch.full_like(middle, 110 / 127.5 - 1), rtol=0, atol=0.1)
    torch.testing.assert_close(x, x.flip(-1))


def test_the_worlds_clip_comes_back_through_h264_almost_as_it_was(tmp_path):
    clip = built_in(tmp_path / "source.mp4", 3, "neon", 5)
    true = world.render(world.content(3), "neon", 5)
    assert clip.x.shape == true.shape and clip.fps == 8
    assert float((clip.x - true).norm() / true.norm()) < 0.05
    assert not torch.equal(clip.x, true)
    assert torch.equal(clip.in_style("neon"), true)
    assert torch.equal(clip.x, of_file(tmp_path / "source.mp4").x)


def test_frames_beyond_the_limit_are_left_out_with_a_word(tmp_path):
    path = tmp_path / "two thousand.mp4"
    write_fast(path, 2000, 64, 64)
    clip = of_file(path)
    assert len(clip.x) == MOST_FRAMES
    assert clip.note.startswith(f"two thousand.mp4 has more than {MOST_FRAMES} frames")
    assert (len(of_file(path, 5).x), of_file(path, 5).note) == (5, "")
    write_fast(path, MOST_FRAMES, 64, 64)
    assert (len(of_file(path).x), of_file(path).note) == (MOST_FRAMES, "")


def peak(path: Path) -> tuple[list[int], float]:
    """The shape of a clip as the demo reads it, and the MiB at the highest point of a process that does so.

    That counts FFmpeg's memory and torch's too. ru_maxrss would not do: it begins at this process's own.
    """
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | TIDY | {"OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    shape, kilobytes = done.stdout.splitlines()
    return [int(side) for side in shape.split()], int(kilobytes) / 2**10


def kept(frames: int, height: int, width: int) -> float:
    """MiB that reading such a clip may take.

    Twice the frames that are used and one more, as decoded but no larger than DECODED: one by one and in one
    piece, later in one piece and cut to shape. In the decoder six pictures of 12 bits a pixel: the five that
    H.264 may refer to at 4K (level 5.1), and the next. 16 MiB for all else: packets, scaling, a float frame.
    """
    pictures = 2 * min(frames, MOST_FRAMES + 1) * min(height * width, DECODED) * 3
    return (pictures + 6 * height * width * 1.5) / 2**20 + 16


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
def test_large_and_long_clips_are_read_in_bounded_memory(tmp_path):
    write_fast(tmp_path / "small.mp4", 2, 64, 64)
    small = peak(tmp_path / "small.mp4")[1]
    sizes = {"4k": (48, 2160, 3840), "long": (2000, 240, 320)}
    for name, size in sizes.items():
        path = tmp_path / f"{name}.mp4"
        write_fast(path, *size)
        shape, high = peak(path)
        assert shape == ([48, 3, 48, 80] if name == "4k" else [MOST_FRAMES, 3, 56, 72])
        assert high - small < kept(*size) < np.prod(size) * 3 / 2**20 / 7  # far from all of it as decoded
