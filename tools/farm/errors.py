"""What stops a job, in one sentence, and whether another try may go better."""

from __future__ import annotations

import errno

from tools.client import ClientError, InterruptedRun, RunError, ServerAway, ServerDied

DONE, REFUSED, AGAIN = 0, 1, 75  # exit codes; 75 is EX_TEMPFAIL of sysexits.h
# what may pass by itself, or on another machine: a full disk, a network folder that is gone for a while
PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY}
MEMORY = ("OutOfMemoryError", "MemoryError")  # how the names of such exceptions end


class FarmError(Exception):
    """The message is one complete sentence."""

    code = REFUSED


class Refused(FarmError):
    """It will never go well as it is asked for."""


class TryAgain(FarmError):
    """It may go well later or elsewhere. lost: the server went away, so that the job is not to blame."""

    code = AGAIN

    def __init__(self, message: str, lost: bool = False):
        super().__init__(message, lost)
        self.lost = lost

    def __str__(self) -> str:
        return self.args[0]


def judged(error: Exception) -> FarmError:
    """The same failure as one of the two kinds."""
    if isinstance(error, FarmError):
        return error
    text = one_line(str(error))
    if isinstance(error, (ServerAway, ServerDied)):
        return TryAgain(text, lost=True)
    if isinstance(error, InterruptedRun):
        return TryAgain(text)
    if isinstance(error, RunError):
        return TryAgain(text) if _may_pass(error) else Refused(text)
    if isinstance(error, OSError) and not isinstance(error, ClientError):
        named = f"{error.filename}: {error.strerror}" if error.filename else text
        return TryAgain(f"{named}.") if error.errno in PASSING else Refused(f"{named}.")
    return Refused(text)


def _may_pass(error: RunError) -> bool:
    """Whether a run ended for want of memory or disk, or for a reason that nobody knows."""
    kind = error.exception_type
    return not kind or kind.endswith(MEMORY) or kind in ("OSError", "ConnectionError", "TimeoutError")


def one_line(text: str) -> str:
    return " ".join(text.split())
