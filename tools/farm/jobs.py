"""A job: one clip and one style. As a JSON file it is what a farm manager hands to `restyle.py job`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from tools.farm import checks
from tools.farm.errors import Refused

LOCAL = "http://127.0.0.1:8188"
KEYS = [
    *("clip", "workflow", "prompt", "negative", "source", "settings", "output"),
    *("clip_node", "output_node", "noise", "precision", "server"),
]
PRECISIONS = ("lossless", "half")


@dataclass(frozen=True)
class Job:
    """What decides a result, where it goes, and where it is made. Paths are absolute."""

    clip: Path
    workflow: Path
    output: Path
    prompt: str | None = None  # what the result shows
    negative: str | None = None
    source: str | None = None  # what the clip shows: the text behind the Exact Unsampler
    settings: dict[str, Any] = field(default_factory=dict)  # {"NODE.INPUT": value}
    clip_node: str | None = None  # which loader gets the clip, where there are several
    output_node: str | None = None  # whose file is fetched, where several save one
    noise: Path | None = None  # folder in which inversions are kept; none: made in the same run
    precision: str = "lossless"  # of kept noise
    server: str = LOCAL
    style: str = ""  # what contact sheets call it
    where: str = "the job"  # what messages call it

    @property
    def kind(self) -> str:
        return checks.media(self.clip, self.where)

    @property
    def mark(self) -> str:
        """A digest of all that decides the result. Raises: Refused where a file cannot be read."""
        told = {
            "clip": content(self.clip),
            "workflow": content(self.workflow),
            "texts": [self.prompt, self.negative, self.source],
            "settings": self.settings,
            "nodes": [self.clip_node, self.output_node],
            # noise that was rounded makes another result
            "half": self.noise is not None and self.precision == "half",
            "form": self.output.suffix.lower(),
        }
        return digest(told)


def digest(value: Any) -> str:
    """A name for a value of JSON, the same for equal values."""
    plain = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def content(path: Path) -> str:
    """A digest of a file's bytes. Raises: Refused where it cannot be read."""
    try:
        stat = path.stat()
        return _content(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}).") from None


@lru_cache(maxsize=4096)
def _content(path: Path, size: int, changed: int) -> str:
    """size, changed: so that a file is read again once it is another."""
    found = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def read(path: Path) -> Job:
    """The job in a JSON file; relative paths begin where the file lies.

    Raises: Refused, in one sentence, for anything that cannot be a job.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=partial(_pairs, path))
    except OSError as error:
        raise Refused(f"The job file {path} cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise Refused(f"{path} is not JSON ({error}).") from None
    if not isinstance(found, dict):
        raise Refused(f"{path}: a job is an object of keys and values, not {checks.shown(found)}.")
    return made(found, path.parent, str(path))


def _pairs(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a key that is there twice, of which JSON keeps the last."""
    checks.once([key for key, _ in pairs], str(path))
    return dict(pairs)


def made(found: dict[str, Any], folder: Path, where: str) -> Job:
    """A job of its keys and values. Raises: Refused."""
    checks.known(found, KEYS, where)
    names = {key: checks.needed(found, key, where) for key in ("clip", "workflow", "output")}
    precision = checks.text(found, "precision", where, "lossless")
    if precision not in PRECISIONS:
        raise Refused(f"{where}: precision is {checks.shown(precision)}; it takes lossless or half.")
    noise = checks.text(found, "noise", where)
    job = Job(
        clip=checks.file(folder, names["clip"], "clip", where),
        workflow=checks.file(folder, names["workflow"], "workflow", where),
        output=checks.output(folder, names["output"], where),
        settings=checks.settings(found.get("settings"), where),
        noise=None if noise is None else checks.placed(folder, noise, "noise", where),
        precision=precision,
        server=checks.server(checks.text(found, "server", where, LOCAL) or LOCAL, where),
        where=where,
        prompt=_words(found, "prompt", where),
        negative=_words(found, "negative", where),
        source=_words(found, "source", where),
        clip_node=checks.text(found, "clip_node", where),
        output_node=checks.text(found, "output_node", where),
    )
    if job.output in (job.clip, job.workflow):
        raise Refused(
            f"{where}: output is the same file as {'clip' if job.output == job.clip else 'workflow'}."
        )
    checks.media(job.clip, where)
    return job


def as_file(job: Job) -> dict[str, Any]:
    """What a job file of this job says; read() gives the same job back."""
    told = {key: vars(job)[key] for key in KEYS}
    paths = {key: str(value) for key, value in told.items() if isinstance(value, Path)}
    return {key: value for key, value in (told | paths).items() if value not in (None, {})}


def _words(found: dict, key: str, where: str) -> str | None:
    """A prompt's text; an empty one is a text too."""
    return "" if found.get(key) == "" else checks.text(found, key, where)


def on(job: Job, server: str | None) -> Job:
    """The same job on another server."""
    return job if server is None else dataclasses.replace(job, server=checks.server(server, "--server"))
