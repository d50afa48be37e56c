"""What a model's own code draws is the same each time, and leaves no trace in what others draw."""

import random

import numpy as np
import pytest
import torch

from unsampling_pack.host import seeds

DRAWN = {
    "torch": lambda: torch.rand(3).tolist(),
    "numpy": lambda: np.random.rand(3).tolist(),
    "python": lambda: [random.random() for _ in range(3)],
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_seed_gives_the_same_numbers(name):
    draw = DRAWN[name]
    with seeds.apart():
        drawn = []
        for number in (1, 2, 1):
            seeds.seed(number)
            drawn.append(draw())
    assert drawn[0] == drawn[2] != drawn[1]


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("ends", [True, False])
def test_others_draw_as_if_nothing_had_been_drawn(name, ends):
    draw = DRAWN[name]
    seeds.seed(7)
    wanted = [draw(), draw()]
    seeds.seed(7)
    found = [draw()]
    try:
        with seeds.apart():
            seeds.seed(1)
            draw()
            if not ends:
                raise KeyError
    except KeyError:
        pass
    assert [*found, draw()] == wanted
