"""A function that stops at each of its questions until its caller has answered: a coroutine, but of code that
knows nothing of it.

Python has coroutines for functions that say `yield` themselves. A solver asks its denoiser deep inside plain
calls, so it runs in a thread of its own. Never do both run at once.
"""

import contextvars
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

import torch

# (question) -> its answer
Ask = Callable[[Any], Any]


class _Left(BaseException):
    """Ends a function whose caller does not answer any more."""


class Turns:
    """One run of a function beside its caller, who reads `question` and answers it with answer() or fail().

    A context: at its end a function that still waits for an answer is ended. `done` says whether it has come
    to its own end; `result` is what it returned.
    """

    def __init__(self):
        self.question: Any = None
        self.begun = self.done = False
        self.result: Any = None
        self._thread: Thread | None = None
        self._asked: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._answered: SimpleQueue[Callable[[], Any]] = SimpleQueue()

    def __enter__(self) -> "Turns":
        return self

    def __exit__(self, *error: object) -> None:
        if self._thread is not None:
            self._answered.put(_leave)
            self._thread.join()

    def begin(self, work: Callable[[Ask], Any]) -> None:
        """Runs work(ask) to its first question, or to its end.

        Raises: what work raised.
        """
        self.begun = True
        # what torch and ComfyUI keep for each thread
        context, grad = contextvars.copy_context(), torch.is_grad_enabled()
        inference = torch.is_inference_mode_enabled()

        def run() -> None:
            with torch.inference_mode(inference), torch.set_grad_enabled(grad):
                self._asked.put(context.run(self._outcome, work))

        self._thread = Thread(target=run, daemon=True)
        self._thread.start()
        self._wait()

    def answer(self, value: Any) -> None:
        """Goes on to the next question, or to the end. Raises: what the function raised."""
        self._answered.put(lambda: value)
        self._wait()

    def fail(self, error: BaseException) -> None:
        """Raises the error where the question was asked. Raises: what comes out of the function."""

        def raise_it() -> None:
            raise error

        self._answered.put(raise_it)
        self._wait()

    def _outcome(self, work: Callable[[Ask], Any]) -> tuple[str, Any]:
        try:
            return "result", work(self._ask)
        except BaseException as error:
            return "error", error

    def _ask(self, question: Any) -> Any:
        self._asked.put(("question", question))
        return self._answered.get()()

    def _wait(self) -> None:
        kind, value = self._asked.get()
        self.question = value if kind == "question" else None
        self.done = kind == "result"
        if kind == "result":
            self.result = value
        elif kind == "error":
            raise value


def _leave() -> None:
    raise _Left
