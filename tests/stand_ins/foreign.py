"""Objects of other projects, as far as host/ reads them, and what an update of a project does to them."""

import sys

from torch import Tensor


class Foreign:
    """An object of another project. gone: fields that its class has under another name since an update.

    The project's own code knows the new names, so only the pack does not find them.
    """

    gone: frozenset[str] = frozenset()

    def __init__(self, **fields):
        vars(self).update(fields)

    def __getattribute__(self, name: str):
        asker = sys._getframe(1).f_globals["__name__"]
        if name in type(self).gone and asker.startswith("unsampling_pack."):
            raise AttributeError(name)
        return object.__getattribute__(self, name)


class KeyframeGroup(Foreign):
    """A list of keyframes of one project, and the place in it, which moves on while sigma falls.

    LIST: the name of the list's field.
    """

    LIST = "keyframes"

    def __init__(self, *keyframes):
        setattr(self, self.LIST, list(keyframes))
        self._previous_t = -1.0
        self._current_index = self._current_used_steps = 0

    def _listed(self) -> list:
        return getattr(self, self.LIST)

    @property
    def current(self):
        """The keyframe in force."""
        return self._listed()[self._current_index]

    def add(self, keyframe) -> None:
        self._listed().append(keyframe)
        self._listed().sort(key=lambda one: one.start_percent)

    def reset(self) -> None:
        """Leaves the sigma that it met last, as most of the projects do."""
        self._current_index = self._current_used_steps = 0

    def initialize_timesteps(self, model) -> None:
        for keyframe in self._listed():
            keyframe.start_t = model.model_sampling.percent_to_sigma(keyframe.start_percent)

    def meet(self, sigma: Tensor, options: dict) -> None:
        """Moves on to this sigma of a schedule. Numbers meet tensors in float32, as in the projects."""
        highest = options["sample_sigmas"].max()
        if sigma == self._previous_t:
            return
        if self._current_used_steps >= _guaranteed(self.current, highest):
            self._move(sigma, highest)
        self._current_used_steps += 1
        self._previous_t = sigma

    def _move(self, sigma: Tensor, highest: Tensor) -> None:
        for place in range(self._current_index + 1, len(self._listed())):
            if self._listed()[place].start_t < sigma:
                return
            self._current_index, self._current_used_steps = place, 0
            if _guaranteed(self.current, highest) > 0:
                return


def _guaranteed(keyframe, highest: Tensor) -> int:
    return 0 if keyframe.start_t > highest else keyframe.guarantee_steps
