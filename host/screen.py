"""What a user sees of a run: sentences on the node and in the log, progress, and the node's name before a
refusal."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import comfy.model_management
import comfy.utils
from comfy_execution.utils import get_executing_context
from server import PromptServer

from ..unsampling import UnsamplingError, limits
from . import cures, told
from .packs import user_settings

SAID = "unsampling.said"  # the event's name in the browser


@contextmanager
def naming(node: str) -> Iterator[None]:
    """Puts the node's name in front of the engine's sentence about bad input, and the cure behind it; within
    it hold the limits that the user has set."""
    try:
        with limits.set_to(user_settings.limits()):
            yield
    except UnsamplingError as error:
        raise UnsamplingError(f"{node}: {cures.sentence(error)}") from error


def node_of(cls) -> str | None:
    """The node on the canvas that a class of ours runs as; None where a script or another node calls it."""
    return None if cls.hidden is None else cls.hidden.unique_id


def say(node_id: str | None, text: str, at_end: bool = False, same: str = "") -> None:
    """Puts a sentence into the log, and its status line on the node, if there is one.

    at_end: whether the node is done: the browser then has the whole sentence too (js/said.js). same: what
    the browser shows of a later run in which nothing has changed.
    """
    log(text)
    show(node_id, text)
    server = getattr(PromptServer, "instance", None)
    if at_end and node_id is not None and server is not None:
        said = {
            "node": node_id,
            "status": told.status(text).replace(told.LOG, ""),  # the whole is beside it
            "text": str(text),
            "warn": len(told.brief_of(text)) > 1,
            "same": same,
        }
        server.send_sync(SAID, said, server.client_id)


def log(text: str) -> None:
    """Puts a sentence into the log, where the node itself has it in another way."""
    logging.info("Unsampling: %s", text)


def show(node_id: str | None, text: str) -> None:
    """Shows the status line of a sentence on the node, if there is one."""
    server = getattr(PromptServer, "instance", None)
    if node_id is not None and server is not None:
        server.send_progress_text(told.status(text), node_id)


def stop_on_cancel() -> None:
    """Ends the node where the user pressed cancel."""
    comfy.model_management.throw_exception_if_processing_interrupted()


def ticks(total: int) -> Callable[[], None]:
    """A function to call after each of so many pieces of work: shows the progress, and stops on cancel."""
    bar = comfy.utils.ProgressBar(max(1, total))

    def tick() -> None:
        stop_on_cancel()
        bar.update(1)

    return tick


def running_node() -> str | None:
    """The node that ComfyUI runs in this thread: core's, where a SAMPLER of ours is at work."""
    context = get_executing_context()
    return None if context is None else context.node_id
