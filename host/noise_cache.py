"""Noise kept on disk under a digest of all that it depends on: the same unsampling is found, not made again.

A wrong hit would be the worst fault, so what has no name that is the same whenever it is the same
(packs/content.py) has none here, and the user is told why.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ..unsampling import Inversion, UnsamplingError, cache_folder, noise_file, storage, tensor_file
from ..unsampling.record import Record
from ..unsampling.solvers.evaluation import Store
from . import noise_files, sampling
from .packs import core_files, replaced
from .packs.content import Content
from .packs.environment import environment, loaded
from .packs.origin import Unnamed
from .told import Told

# what objects of unknown versions may raise when all of them is read
ODD = (AttributeError, KeyError, OSError, RecursionError, RuntimeError, TypeError, ValueError)
NOT_KEPT = "not kept in the cache"
KEY = "key"  # of the metadata: a file that was given another's name is no hit


@dataclass
class Slot:
    """The place of one inversion in the cache. key: None for one that has no name; why, in words."""

    folder: Path
    key: str | None
    why: str = ""
    stuck: bool = False  # whether a damaged file holds the place

    def find(self) -> tuple[Tensor, Inversion] | None:
        """Noise in the VAE's scale and its inversion, if they are kept, where an unsampling would have put
        them. A file that is damaged is removed."""
        if self.key is None:
            return None
        path = cache_folder.path_of(self.folder, self.key)
        if not cache_folder.is_there(path):
            return None
        try:
            saved = self._read(path)
            noise, inversion = saved.noise.clone(), saved.inversion
        except UnsamplingError as error:
            self.stuck = not cache_folder.remove(path)
            self.why = f"; what the cache had was no use: {error}"
            return None
        cache_folder.used(path)
        return None if inversion is None else (noise, _in_place(inversion))

    def _read(self, path: Path) -> noise_file.Saved:
        if not cache_folder.is_file(path):
            raise UnsamplingError("it is no file")
        with tensor_file.readable():
            saved = noise_file.load(path)
        if noise_file.value(saved.caller, KEY, str) != self.key or saved.inversion is None:
            raise UnsamplingError("it is of another unsampling")
        return saved

    def keep(self, latent: dict, doubt: str) -> str:
        """Puts a LATENT of noise away. doubt: what speaks against it. Returns: what the user should know."""
        if self.key is None:
            return Told(f"; not kept in the cache: {self.why}", NOT_KEPT)
        if doubt:
            return Told(f"{self.why}; not kept in the cache: the model does not repeat itself", NOT_KEPT)
        try:
            size = self._write(latent, self.key)
        except (UnsamplingError, OSError) as error:
            return Told(f"{self.why}; not kept in the cache: {error}", NOT_KEPT)
        return f"{self.why}; kept in the cache ({tensor_file.bytes_in_words(size)})"

    def _write(self, latent: dict, key: str) -> int:
        saved = noise_files.to_keep(latent)
        saved = replace(saved, caller={**saved.caller, KEY: key})
        if self.stuck:
            raise UnsamplingError("what stands in its place cannot be removed; another program may read it")
        size, most = noise_file.size(saved, False), cache_folder.limit()
        if size > most:
            ours, all_of_it = map(tensor_file.bytes_in_words, (size, most))
            raise UnsamplingError(
                f"it takes {ours}, and all of the cache {all_of_it} at most; raise it in ComfyUI's settings"
                f" (Unsampling), or the environment variable {cache_folder.VARIABLE}"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        cache_folder.make_room(self.folder, size)
        path = cache_folder.path_of(self.folder, key)
        return noise_file.save(iter([path]), saved, False).stat().st_size


def slot(guider: Any, asked: dict[str, Any]) -> Slot:
    """The place of the noise that this guider makes of what is asked: tensors, numbers, a SAMPLER."""
    folder = core_files.cache_folder()
    try:
        return Slot(folder, _key(guider, asked))
    except Unnamed as reason:
        return Slot(folder, None, str(reason))
    except (UnsamplingError, *ODD) as error:
        return Slot(
            folder, None, f"the model or its conditions cannot be read ({type(error).__name__}: {error})"
        )


def _key(guider: Any, asked: dict[str, Any]) -> str:
    """A digest of all that a guider's noise depends on: its MODEL, conditions and settings, what is asked of
    it, ComfyUI, this pack, and the machine.

    Raises: Unnamed where some of it has no name.
    """
    replaced.check(core_files.pack_folders())
    content = Content(loaded())
    content.put(environment(), "the machine")
    content.put(asked, "what is asked")
    content.put(guider, "the model and its conditions")
    return content.text


def _in_place(inversion: Inversion) -> Inversion:
    """The inversion out of its file, which another program may remove at any time."""
    past = inversion.record
    if past is None:
        return inversion
    size = sum(storage.of_inversion(inversion, past, past.source))
    with storage.room(sampling.temp_folder(), size, size, lasting=True) as store:
        return replace(inversion, noise=inversion.noise.clone(), record=_stored(past, store))


def _stored(past: Record, store: Store) -> Record:
    fresh = None if past.direct is None else past.direct.each(store)
    mask = None if past.mask is None else past.mask.clone()
    outputs = tuple(map(store, past.outputs))
    return replace(past, source=store(past.source), outputs=outputs, mask=mask, direct=fresh)
