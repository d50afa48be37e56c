"""ComfyUI's folders, names of files in them, and latent formats by name, read at 0.33.0."""

import os
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import comfy.latent_formats
import folder_paths
import torch
from torch import Tensor

from ...unsampling import UnsamplingError
from ...unsampling.cache_folder import FOLDER
from .core import LATENT_FORMAT, preview_colours

SUFFIXES = (".safetensors", ".latent")
OUTPUT, INPUT = " [output]", ""  # how core marks a name's folder
# of Windows, whatever comes behind the first dot
DEVICE = r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(\.|:|$)"
DRIVE = r"[A-Za-z]:"
SHOWN = 120  # characters of a name in a sentence


def files_to_write(prefix: str, width: int, height: int) -> tuple[str, Iterator[Path]]:
    """The folder below ComfyUI's output folder, by core's rules, and the files there that may be free.

    width, height: what %width% and %height% stand for.
    Raises: UnsamplingError for a prefix that core does not take, or that leads out of the output folder.
    """
    output = folder_paths.get_output_directory()
    prefix = prefix.replace("\\", "/")  # of a workflow made on Windows
    if not os.path.basename(os.path.normpath(prefix)).strip(". "):
        raise UnsamplingError(
            f"filename_prefix is {shown(prefix)}, without a name; set it to unsampling/noise"
        )
    try:
        if any(ord(one) < 32 for one in prefix):
            raise ValueError("it has a control character")
        if not _inside(os.path.join(output, os.path.dirname(os.path.normpath(prefix))), output):
            raise ValueError("it leads out of ComfyUI's output folder")
        below = os.path.relpath(os.path.join(output, os.path.normpath(prefix)), output)
        if not _is_plain(f"{below}_.safetensors"):
            raise ValueError("Load Noise takes no drives, no devices, no folder that ends in a dot or space")
        folder, name, first, subfolder, _ = folder_paths.get_save_image_path(prefix, output, width, height)
    except Exception as error:  # core raises just that
        reason = str(error).strip().splitlines()[0][:SHOWN] if str(error).strip() else type(error).__name__
        raise UnsamplingError(
            f"filename_prefix {shown(prefix)} cannot be used ({reason}); set one below ComfyUI's output"
            " folder, such as unsampling/noise"
        ) from None
    return subfolder, (Path(folder) / f"{name}_{number:05}_.safetensors" for number in count(first))


def cache_folder() -> Path:
    """Where noise is kept between runs: below ComfyUI's user folder, in a folder that the server shows to
    nobody, or where the environment variable says. The temp folder is emptied at each start, and the output
    folder is what a user looks through."""
    return Path(os.environ.get(FOLDER) or folder_paths.get_system_user_directory("unsampling_cache"))


def pack_folders() -> list[str]:
    """The folders that packs of nodes are installed in."""
    return folder_paths.get_folder_paths("custom_nodes")


def path_of(name: str) -> Path:
    """The file that a name means: in the input folder, or, with [output] behind it, in the output folder.

    Raises: UnsamplingError for a name that may not be read, and where there is no such file.
    """
    if not isinstance(name, str):
        raise UnsamplingError(f"file is {shown(name)}, which is no name; choose one of the list")
    bare, folder = folder_paths.annotated_filepath(name)
    base = folder or folder_paths.get_input_directory()
    if base not in (folder_paths.get_input_directory(), folder_paths.get_output_directory()):
        raise UnsamplingError(f"file {shown(name)} is not in the input or output folder; copy it there")
    _check_name(bare, name)
    path = Path(base) / bare.replace("\\", "/")
    try:
        inside, there = _inside(path, base), path.is_file()
    except (OSError, ValueError):
        inside, there = False, False
    if not there:
        raise UnsamplingError(f"file {shown(name)} is not there, or no file; choose another, or upload it")
    if not inside:
        raise UnsamplingError(
            f"file {shown(name)} leads out of ComfyUI's folders; copy the file itself into the input folder"
        )
    return path


def _check_name(bare: str, name: str) -> None:
    """Raises: UnsamplingError for what is no plain path below a folder, and no file of ours or core's."""
    if not _is_plain(bare):
        raise UnsamplingError(
            f"file {shown(name)} is no name of a file below ComfyUI's input or output folder; choose one"
            " of the list"
        )
    if not bare.lower().endswith(SUFFIXES):
        raise UnsamplingError(
            f"file {shown(name)} is no .safetensors or .latent file; choose one of the list"
        )


def _is_plain(bare: str) -> bool:
    """Whether it is a path below a folder, on any system."""
    parts = re.split(r"[/\\]", bare)
    odd = (
        re.match(DRIVE, bare)
        or any(part in ("", ".", "..") or re.match(DEVICE, part) or part[-1] in ". " for part in parts)
        or any(ord(one) < 32 for one in bare)
        or (os.name == "nt" and ":" in bare)
    )
    return not odd


def shown(name: object) -> str:
    """A text of the user's, or a stranger's, in a sentence."""
    text = repr(str(name))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}...'"


def _inside(path: str | Path, folder: str) -> bool:
    """Whether it leads to something in the folder, links followed."""
    real, base = os.path.realpath(path), os.path.realpath(folder)
    return os.path.commonpath((real, base)) == base


def candidates() -> list[tuple[str, Path]]:
    """Names and paths of all files in the input and output folders that may be noise, newest first; those
    that path_of() takes."""
    found = []
    for folder, mark in (
        (folder_paths.get_output_directory(), OUTPUT),
        (folder_paths.get_input_directory(), INPUT),
    ):
        for path in _below(folder):
            name = path.relative_to(folder).as_posix()
            if _is_plain(name) and "\\" not in name:  # path_of() would not find another
                found.append((f"{name}{mark}", path))
    return [pair for _, pair in sorted((-_time(pair[1]), pair) for pair in found)]


def _below(folder: str) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place) / name for name in names if name.lower().endswith(SUFFIXES))


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def latent_format(name: str):
    """ComfyUI's latent format of that name, or another pack's that is loaded; nothing is imported for it.

    Raises: UnsamplingError where there is none.
    """
    known = [one for one in _subclasses(comfy.latent_formats.LatentFormat) if one.__name__ == name]
    core_first = sorted(known, key=lambda one: one.__module__ != comfy.latent_formats.__name__)
    try:
        return core_first[0]()
    except (IndexError, TypeError):
        raise UnsamplingError(
            f"the latent format {shown(name)} is not known here; update ComfyUI, or install the pack that"
            " brings it"
        ) from None


def _subclasses(kind: type) -> Iterator[type]:
    yield kind
    for one in kind.__subclasses__():
        yield from _subclasses(one)


def name_of_format(latent_format_object, like: Tensor) -> str:
    """The name under which latent_format() finds one that scales latents in the same way.

    Raises: UnsamplingError for one with settings of its own, which a name does not tell.
    """
    name = type(latent_format_object).__name__
    probe = torch.linspace(-3, 3, like.shape[1] * 4).reshape(1, like.shape[1], *[1] * (like.ndim - 4), 2, 2)
    ours, found = (
        LATENT_FORMAT.read(one, "process_in")(probe) for one in (latent_format_object, latent_format(name))
    )
    if not torch.equal(ours, found):
        raise UnsamplingError(
            f"noise was made with a latent format {name} that has settings of its own, which no file keeps;"
            " save it with core's Save Latent, which drops the record"
        )
    return name


def rgb(latent_format_object, frame: Tensor) -> Tensor | None:
    """A frame in sampling space [1, channels, height, width] as a small picture [height, width, 3], 0 to 1;
    None for a format that does not tell its colours."""
    told = preview_colours(latent_format_object)
    if told is None:
        return None
    factors, bias, reshape = told
    frame = (frame if reshape is None else reshape(frame))[0]
    factors = torch.tensor(factors, dtype=frame.dtype)
    if len(factors) != len(frame):
        return None
    colours = torch.einsum("chw,cd->hwd", frame, factors) + torch.tensor(bias, dtype=frame.dtype)
    return ((colours + 1) / 2).clamp(0, 1)
