"""Frames put one behind the other in memory that is asked for once: no clip is held twice."""

import torch
from torch import Tensor


class Rows:
    """The frames of a clip as they arrive, and their masks where they have alpha."""

    def __init__(self, expected: int, size: tuple[int, int], again: int):
        # one more than expected: of a part of a clip it may be off by one
        self._frames = torch.empty(expected + 1 + again, *size, 3)
        self._masks: Tensor | None = None
        self.count = 0

    def add(self, picture: Tensor) -> None:
        """One more frame, [height,width,3] or with its alpha as the fourth."""
        if self.count == len(self._frames):  # the file promised fewer
            self._frames = _longer(self._frames)
            self._masks = None if self._masks is None else _longer(self._masks)
        self._frames[self.count] = picture[..., :3]
        if picture.shape[-1] == 4:
            if self._masks is None:
                self._masks = self._frames.new_zeros(self._frames.shape[:3])
            self._masks[self.count] = 1 - picture[..., 3]
        elif self._masks is not None:
            self._masks[self.count] = 0
        self.count += 1

    def repeat(self) -> None:
        """The last frame once more."""
        mask = None if self._masks is None else 1 - self._masks[self.count - 1, ..., None]
        frame = self._frames[self.count - 1]
        self.add(frame if mask is None else torch.cat([frame, mask], -1))

    def place(self, picks: list[int]) -> None:
        """Has frame picks[k], rising, stand at place k, moved within the memory that there is."""
        for rows in (self._frames, self._masks):
            if rows is None:
                continue
            # to the front from the front, to the back from the back: none is overwritten before it is moved
            forward = [(at, pick) for at, pick in enumerate(picks) if pick > at]
            backward = [(at, pick) for at, pick in enumerate(picks) if pick < at]
            for at, pick in forward + backward[::-1]:
                rows[at] = rows[pick]
        self.count = len(picks)

    @property
    def room(self) -> int:
        """How many frames the memory holds."""
        return len(self._frames)

    def ended(self, again: int) -> tuple[Tensor, Tensor | None]:
        """The frames, and the masks or None, the last of each so many times again."""
        masks = None if self._masks is None else _ended(self._masks, self.count, again)
        return _ended(self._frames, self.count, again), masks


def _longer(rows: Tensor) -> Tensor:
    return torch.cat([rows, rows.new_empty(len(rows) // 2 + 1, *rows.shape[1:])])


def _ended(rows: Tensor, count: int, again: int) -> Tensor:
    """The first `count` and the last of them so many times again, in place where it fits."""
    spare = len(rows) - count - again
    if not 0 <= spare <= 1 + count // 16:  # room for many more would stay in memory as long as the frames do
        rows = torch.cat([rows[:count], rows.new_empty(again, *rows.shape[1:])])
    rows = rows[: count + again]
    rows[count:] = rows[count - 1]
    return rows
