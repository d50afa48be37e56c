"""Clips x styles in a YAML file, or a job a row in a CSV file, as jobs with places for their results."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.farm import checks
from tools.farm.errors import Refused
from tools.farm.jobs import LOCAL, Job, made

COMMON = ["workflow", "negative", "source", "settings", "clip_node", "output_node", "noise", "precision"]
TOP = [*COMMON, "servers", "output", "form", "clips", "styles", "prompt"]
OF_CLIP = ["file", "source", "settings"]
OF_STYLE = ["prompt", "negative", "settings"]
COLUMNS = ["clip", "style", "prompt", "negative", "source", "workflow", "output", "clip_node", "output_node"]


@dataclass(frozen=True)
class Batch:
    """Jobs with places for their results, the folder of these, and where all is made."""

    jobs: tuple[Job, ...]
    folder: Path
    servers: tuple[str, ...]


def read(path: Path, servers: list[str], output: Path | None = None, workflow: Path | None = None) -> Batch:
    """The batch in a file. What is given here is taken in place of what the file says.

    Raises: Refused, in one sentence, for anything that cannot be a batch.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Refused(f"The list of jobs {path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise Refused(f"{path} is no text in UTF-8.") from None
    suffix = path.suffix.lower()
    given = {"output": output and str(output.absolute()), "workflow": workflow and str(workflow.absolute())}
    given = {key: value for key, value in given.items() if value is not None}
    if suffix == ".csv":
        found = _rows(text, path, given)
    elif suffix in (".yaml", ".yml"):
        found = _crossed(text, path, given)
    else:
        raise Refused(f"{path}: a list of jobs is a .csv or a .yaml file.")
    jobs, folder, told = found
    urls = [checks.server(url, str(path)) for url in servers or told or [LOCAL]]
    return Batch(_apart(jobs, path), folder, tuple(dict.fromkeys(urls)))


def _apart(jobs: list[Job], path: Path) -> tuple[Job, ...]:
    """Refuses two jobs with one result, and a result that is another's clip."""
    if not jobs:
        raise Refused(f"{path} has no job.")
    for output, count in Counter(job.output for job in jobs).items():
        if count > 1:
            raise Refused(f"{path}: {count} jobs have the output {output}: give each its own.")
    outputs = {job.output for job in jobs}
    for job in jobs:
        if job.clip in outputs:
            raise Refused(f"{job.where}: its clip {job.clip.name} is the output of another job.")
    return tuple(jobs)


# ---- CSV


def _rows(text: str, path: Path, given: dict) -> tuple[list[Job], Path, list[str]]:
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=_separator(text))
        names, rows = list(reader.fieldnames or []), list(reader)
    except csv.Error as error:
        raise Refused(f"{path} is no table of comma-separated values ({error}).") from None
    names = [str(name).strip() for name in names]
    checks.once(names, f"{path} row 1")
    for name in names:
        if "." not in name:  # a column with a dot is a setting
            checks.known({name: None}, COLUMNS, str(path))
    if "clip" not in names:
        raise Refused(f"{path}: the column clip is missing.")
    folder = _folder(path, given)
    jobs = []
    for number, row in enumerate(rows, 2):
        where = f"{path} row {number}"
        if None in row or None in row.values():
            raise Refused(f"{where}: it has not as many cells as the first row.")
        cells = {key.strip(): value.strip() for key, value in row.items() if value.strip()}
        if cells:
            jobs.append(_of_row(cells, path, folder, given, where))
    return jobs, folder, []


def _separator(text: str) -> str:
    """What stands between the cells: tables of many countries have semicolons."""
    return max(",;\t", key=text.partition("\n")[0].count)


def _of_row(cells: dict[str, str], path: Path, folder: Path, given: dict, where: str) -> Job:
    plain = {key: value for key, value in cells.items() if "." not in key and key != "style"}
    plain |= {"workflow": given["workflow"]} if "workflow" in given else {}
    clip = checks.needed(plain, "clip", where)
    style = cells.get("style") or cells.get("prompt") or ""
    found: dict[str, Any] = plain | {"settings": {k: v for k, v in cells.items() if "." in k}}
    found["output"] = str(folder / (plain.get("output") or _name(Path(clip).stem, style, Path(clip).suffix)))
    found["noise"] = str(folder / "noise")
    return dataclasses.replace(made(found, path.parent, where), style=style)


def _folder(path: Path, given: dict) -> Path:
    return Path(given["output"]) if "output" in given else (path.parent / "restyled").absolute()


# ---- YAML


def _crossed(text: str, path: Path, given: dict) -> tuple[list[Job], Path, list[str]]:
    import yaml

    where = str(path)
    try:
        found = _loaded(text, where)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise Refused(f"{path} is not YAML ({reason}).") from None
    if not isinstance(found, dict):
        raise Refused(f"{path}: a batch has keys and values, like clips and styles.")
    checks.known(found, TOP, where)
    told = found | given
    clips, styles = _named(told, "clips", "file", where), _named(told, "styles", "prompt", where)
    folder = checks.placed(path.parent, checks.text(told, "output", where, "restyled") or "", "output", where)
    form = (checks.text(told, "form", where) or "").lstrip(".")
    jobs = [
        _cross(told, path, folder, form, clip, style) for clip in clips.items() for style in styles.items()
    ]
    return jobs, folder, _servers(told, where)


def _loaded(text: str, where: str) -> Any:
    """What YAML says. Raises: YAMLError, Refused for a key that is there twice, of which YAML keeps one."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
            keys = [one.value for one, _ in node.value if isinstance(one, yaml.ScalarNode)]
            checks.once(keys, f"{where} line {node.start_mark.line + 1}")
            return super().construct_mapping(node, deep)

    return yaml.load(text, Loader)


def _servers(told: dict, where: str) -> list[str]:
    found = told.get("servers") or []
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise Refused(f"{where}: servers is {checks.shown(found)}; it takes a list of addresses.")
    return [checks.server(url, where) for url in found]


def _named(told: dict, key: str, first: str, where: str) -> dict[str, dict]:
    """Clips or styles by their names; a text means its first key."""
    found = told.get(key)
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        found = {Path(one).stem if key == "clips" else one: one for one in found}
        if len(found) < len(told[key]):
            raise Refused(f"{where}: two {key} have one name: write them as NAME: {first}.")
    if not isinstance(found, dict) or not found:
        raise Refused(
            f"{where}: {key} is {checks.shown(told.get(key))}; it takes a list, or names and values."
        )
    keys, named = OF_CLIP if key == "clips" else OF_STYLE, {}
    for name, value in found.items():
        value = {first: value} if isinstance(value, str) else value
        place = f"{where}: {key}: {name}"
        if not isinstance(value, dict):
            raise Refused(f"{place} is {checks.shown(value)}; it takes a text, or keys and values.")
        checks.known(value, keys, place)
        if not (key == "styles" and (value.get("settings") or told.get("prompt"))):
            checks.needed(value, first, place)
        named[str(name)] = value
    return named


def _cross(
    told: dict, path: Path, folder: Path, form: str, clip: tuple[str, dict], style: tuple[str, dict]
) -> Job:
    where = f"{path}: {clip[0]} x {style[0]}"
    found = {key: told[key] for key in [*COMMON, "prompt"] if told.get(key) is not None}
    found |= {key: value for key, value in clip[1].items() if key == "source"}
    found |= {key: value for key, value in style[1].items() if key in ("prompt", "negative")}
    parts = (told, clip[1], style[1])
    found["settings"] = {
        k: v for one in parts for k, v in checks.settings(one.get("settings"), where).items()
    }
    suffix = f".{form}" if form else Path(clip[1]["file"]).suffix
    found |= {"clip": clip[1]["file"], "output": str(folder / _name(clip[0], style[0], suffix))}
    found.setdefault("noise", str(folder / "noise"))
    return dataclasses.replace(made(found, path.parent, where), style=style[0])


def _name(clip: str, style: str, suffix: str) -> str:
    """A file name of a clip and a style, that every system takes."""
    parts = [re.sub(r"[^\w.-]+", "-", part).strip("-.")[:60] for part in (clip, style)]
    return "__".join(part for part in parts if part) + suffix
