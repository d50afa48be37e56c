"""The pictures on the templates' cards: animated, square, small, of a source that turns into a restyle."""

import numpy as np
import pytest
from PIL import Image

from demo.cards import LOOKS, SIZE, card
from tools.workflows.build import WORKFLOWS, file_of

MOST_BYTES = 250_000


def frames(name: str) -> list[np.ndarray]:
    with Image.open(file_of(name).with_suffix(".jpg")) as picture:
        assert picture.format == "WEBP" and picture.size == (SIZE, SIZE)
        found = []
        for number in range(picture.n_frames):
            picture.seek(number)
            found.append(np.asarray(picture.convert("RGB")).astype(float))
    return found


@pytest.mark.parametrize("name", WORKFLOWS)
def test_it_is_an_animation_from_source_to_restyle(name):
    assert file_of(name).with_suffix(".jpg").stat().st_size <= MOST_BYTES
    found = frames(name)
    assert len(found) == 32
    first, middle = found[0][: SIZE - 30], found[16][: SIZE - 30]  # without the line of text; the same frame
    assert np.abs(first - middle).mean() > 5
    assert np.abs(first[:, :8] - middle[:, :8]).mean() < 12  # the line leaves a border of the source


def test_every_card_of_ours_has_its_look():
    assert set(LOOKS) <= set(WORKFLOWS)


def test_the_line_goes_from_right_to_left_and_back():
    source, restyle = (np.full((4, 64, 64, 3), level, np.uint8) for level in (10, 200))
    shares = [np.asarray(frame)[5, :, 0] for frame in card(source, restyle)]
    dark = [int((row < 60).sum()) for row in shares]
    assert dark[0] > 0.9 * SIZE and min(dark) < 0.1 * SIZE and min(dark) == dark[len(dark) // 2]
    assert dark[: len(dark) // 2] == sorted(dark[: len(dark) // 2], reverse=True)
