"""benchmarks.lightness on a model that answers with the truth."""

import torch

from benchmarks.lightness import __main__ as lightness
from benchmarks.style_transfer.transfers import HALVES, Transfer
from demo import model, world

CLIPS = 6
FIRST = HALVES["reporting"]


def test_pairs_across_lightness_are_told_from_others(tmp_path, monkeypatch):
    asked = []

    def knowing(unet, style):
        def denoise(x, sigma, step):
            asked.append(sigma)
            transfer = Transfer(FIRST + (len(asked) - 1) // 2 % CLIPS)  # two answers a clip
            return world.render(transfer.content(), style)

        return denoise

    monkeypatch.setattr(model, "load", lambda path: None)
    monkeypatch.setattr(model, "denoiser", knowing)
    path = tmp_path / "lightness.md"
    assert lightness.main(["--clips", str(CLIPS), "--output", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    crossing = sum(Transfer(FIRST + i).crosses for i in range(CLIPS))
    assert 0 < crossing < CLIPS
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith(("| 250", "| 14.6"))]
    assert [row[4].rstrip(" |") for row in rows] == 2 * [
        f"0 of {CLIPS - crossing}",
        f"{crossing} of {crossing}",
    ]
    assert "DOES NOT HOLD" not in text
    assert set(asked) == {250.0, float(torch.tensor(14.6))}
