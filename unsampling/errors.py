"""The one error that the engine raises for input it cannot work with."""

from enum import Enum, auto


class Cause(Enum):
    """What is wrong, for a caller whose users need a cure in other words than Python's."""

    SIGMAS_NOT_A_LIST = auto()
    SIGMAS_EMPTY = auto()
    SIGMAS_SINGLE = auto()
    SIGMAS_RISING = auto()
    SIGMAS_IRREGULAR = auto()
    SIGMAS_END = auto()
    LATENT_EMPTY = auto()
    LATENT_NOT_FINITE = auto()
    MODEL_NOT_FINITE = auto()
    NO_RECORD = auto()
    MASK_WITHOUT_RECORD = auto()
    STRUCTURE_WITHOUT_RECORD = auto()
    DIRECT_WITHOUT_RECORD = auto()
    DIRECT_NOT_KEPT = auto()
    HOLD_WITHOUT_RECORD = auto()
    STEADY_WITHOUT_RECORD = auto()
    OTHER_SHAPE = auto()
    RECORD_NOT_STORED = auto()
    FILE_NOT_WRITTEN = auto()
    SETTING_NOT_NUMBERS = auto()
    SETTING_NOT_ONE_NUMBER = auto()
    SETTING_NAN = auto()
    VIDEO_WITHOUT_PICTURES = auto()
    VIDEO_EMPTY = auto()
    VIDEO_EMPTY_IN_TIME = auto()
    THRESHOLDS_CROSSED = auto()


class UnsamplingError(ValueError):
    """Input that cannot be unsampled or resampled: one sentence that names it and says what is wrong.

    cause: set where the sentence leaves the cure to the caller.
    """

    # ComfyUI's error panel shows it before the class; it names a pack's own modules by their path on the disk
    __module__ = "unsampling"

    def __init__(self, message: str, cause: Cause | None = None):
        super().__init__(message)
        self.cause = cause
