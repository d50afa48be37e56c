"""The one error that the engine raises for input it cannot work with."""


class UnsamplingError(ValueError):
    """Input that cannot be unsampled or resampled; the message is one sentence that names the input and the
    cure."""
