"""Run one piece on one server: send files, queue, follow, fetch. A run that is there is taken over."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tools.client import Client, ClientError, RefusedError, ServerAway
from tools.client.http import Transfer
from tools.client.prompt_nodes import label, title
from tools.client.refusals import explained
from tools.farm import outputs, pieces
from tools.farm.errors import FarmError, Refused, TryAgain, judged, one_line
from tools.farm.heartbeat import Beat, Say, silent
from tools.farm.outputs import Made
from tools.farm.pieces import Piece
from tools.farm.tasks import Outcome

KEY = "restyle"  # in extra_data of a run: the mark of its piece
LATEST = 64  # so many runs of a server's history are looked through


class NoiseRefused(Refused):
    """The server does not take the noise file's name."""


def perform(
    piece: Piece,
    url: str,
    say: Say = silent,
    record: str | None = None,
    timeout: float | None = None,
    reconnect_s: float = 30.0,
    fresh: bool = True,
) -> Made:
    """Run a piece and write its file, with a record of the job's mark.

    fresh: send the inversion even if the server lists a file of that name.
    Raises: FarmError, for whatever goes wrong. A KeyboardInterrupt stops the run on the server too.
    """
    try:
        with Client(url, reconnect_s=reconnect_s) as client:
            return _perform(client, piece, say, record, timeout, fresh)
    except (ClientError, OSError, NoiseRefused) as error:
        if not fresh and (isinstance(error, NoiseRefused) or getattr(error, "node", None) == pieces.KEPT):
            say("the server's own copy of the noise does not load: sending it")
            return perform(piece, url, say, record, timeout, reconnect_s)
        raise judged(error) from None


def _perform(
    client: Client, piece: Piece, say: Say, record: str | None, timeout: float | None, fresh: bool
) -> Made:
    began = time.monotonic()
    prompt_id = running(client, piece.mark)
    if prompt_id is not None:
        say("the server runs it already: following that run")
    else:
        ended = taken_over(client, piece.mark)
        made = None if ended is None else _from_history(client, piece, ended, say, record)
        if made is not None:
            return made
        prompt_id = _queue(client, piece, _sent(client, piece, say, fresh), say)
    entry = _follow(client, piece, prompt_id, say, timeout)
    return _fetch(client, piece, entry, say, record, {"server": client.url, "seconds": _since(began)})


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)


def running(client: Client, mark: str) -> str | None:
    """The id of a run of this mark that waits or runs on the server."""
    queue = client.http.json("GET", "/queue")
    items = [*queue.get("queue_running", []), *queue.get("queue_pending", [])]
    return next((item[1] for item in items if _marked(item, mark)), None)


def taken_over(client: Client, mark: str) -> dict | None:
    """The history entry of a run of this mark that ended well, the latest first."""
    history = client.http.json("GET", f"/history?max_items={LATEST}")
    for entry in reversed(list(history.values())):
        status = entry.get("status") or {}
        if _marked(entry.get("prompt") or [], mark) and status.get("status_str", "success") == "success":
            return entry
    return None


def _marked(item: Any, mark: str) -> bool:
    extra = item[3] if isinstance(item, list) and len(item) > 3 else None
    return isinstance(extra, dict) and extra.get(KEY) == mark


def stop(url: str, mark: str) -> None:
    """Stop the run of this mark on a server, if there is one; a server that is away runs nothing."""
    try:
        client = Client(url, timeout=5.0)
        prompt_id = running(client, mark)
        if prompt_id is not None:
            client.interrupt(prompt_id)
    except (ClientError, OSError):
        return


def _from_history(client: Client, piece: Piece, entry: dict, say: Say, record: str | None) -> Made | None:
    """The file of a run that ended before anybody fetched it; None where the server no longer has it."""
    say("the server has made it already: fetching that file")
    try:
        return _fetch(client, piece, entry, say, record, {"server": client.url, "fetched": True})
    except TryAgain as error:
        if error.lost:
            raise
        return None


def _sent(client: Client, piece: Piece, say: Say, fresh: bool) -> dict:
    """The prompt with the names that the files have on this server."""
    prompt = copy.deepcopy(piece.prompt)
    for upload in piece.uploads:
        name = None if fresh or upload.node != pieces.KEPT else _listed(client, upload.file.name)
        if name is None:
            say(f"sending {upload.file.name}")
            name = client.upload(upload.file)
        prompt[upload.node]["inputs"][upload.input] = name
    token = f"restyle/{piece.mark[:12]}"
    for node in prompt.values():  # so that files of one run are found together, and no name is a user's
        if isinstance(node["inputs"].get("filename_prefix"), str):
            node["inputs"]["filename_prefix"] = token
    return prompt


def _listed(client: Client, name: str) -> str | None:
    """What a server calls a noise file of this name that lies in its folders, perhaps shared ones."""
    info = client.http.json("GET", f"/object_info/{pieces.LOAD}")
    offered = pieces.choices({"1": {"class_type": pieces.LOAD, "inputs": {}}}, info, "1").get("file") or []
    ends = {f"{end} {folder}".strip() for end in (name,) for folder in ("", "[output]", "[input]")}
    return next((one for one in offered if str(one).rpartition("/")[2] in ends), None)


def _queue(client: Client, piece: Piece, prompt: dict, say: Say) -> str:
    say("queued")
    try:
        return client.queue(prompt, {KEY: piece.mark})
    except RefusedError as refused:
        kind = NoiseRefused if pieces.KEPT in refused.node_errors else Refused
        raise kind(one_line(explained(refused, prompt, prompt))) from None


def _follow(client: Client, piece: Piece, prompt_id: str, say: Say, timeout: float | None) -> dict:
    prompt = piece.prompt
    beat = Beat(say, {node: title(prompt, node) for node in prompt})
    try:
        names = {node: label(prompt, node) for node in prompt}
        return client.wait(prompt_id, beat, timeout, names)
    except KeyboardInterrupt:
        client.interrupt(prompt_id)
        raise


def _fetch(client: Client, piece: Piece, entry: dict, say: Say, record: str | None, told: dict) -> Made:
    item = chosen(client.outputs(entry), piece)
    say(f"fetching {item['filename']}")
    query = urlencode({key: item[key] for key in ("filename", "subfolder", "type")})
    what = f"output {item['filename']}"
    chunks = client.http.chunks("GET", f"/view?{query}", what=what, transfer=Transfer.OUTPUT)
    try:
        made = outputs.write(piece.target, chunks, record, told)
    except ServerAway as error:
        raise TryAgain(one_line(str(error)), lost=True) from None
    except ClientError as error:  # it lists the file and no longer has it
        raise TryAgain(one_line(str(error))) from None
    if made.size == 0 or (piece.kind == "inversion" and not outputs.is_whole_noise(made.path)):
        made.path.unlink(missing_ok=True)
        raise TryAgain(f"{client.url} gave a file that is not whole, {item['filename']}.")
    return made


def chosen(items: list[dict], piece: Piece) -> dict:
    """The file of a run that is the result: of the node asked for, of the target's form, not a preview."""
    suffix = piece.target.suffix.lower()
    files = [one for one in items if one["type"] == "output"]
    files = [one for one in files if piece.saver in (None, one["node"])]
    fit = [one for one in files if Path(one["filename"]).suffix.lower() == suffix]
    if len(fit) == 1:
        return fit[0]
    if fit:
        raise Refused(
            f"{piece.name}: the workflow saves {len(fit)} {suffix} files: name the node that saves the"
            " result in output_node, or save one."
        )
    forms = ", ".join(sorted({Path(one["filename"]).suffix.lower() for one in files})) or "no file"
    raise Refused(f"{piece.name}: the workflow saves {forms}, and the output's name ends in {suffix}.")


@dataclass(frozen=True)
class Attempt:
    """How a piece went on a server, as a worker hands it back."""

    outcome: Outcome
    message: str = ""
    size: int = 0


def attempt(piece: Piece, url: str, record: str | None, timeout: float | None, fresh: bool) -> Attempt:
    """Run a piece; whatever goes wrong becomes an outcome and a sentence."""
    try:
        made = perform(piece, url, record=record, timeout=timeout, reconnect_s=5.0, fresh=fresh)
    except TryAgain as error:
        return Attempt(Outcome.SERVER_LOST if error.lost else Outcome.AGAIN, str(error))
    except FarmError as error:
        return Attempt(Outcome.REFUSED, str(error))
    return Attempt(Outcome.DONE, size=made.size)
