"""What the user of a node can do about what the engine refuses."""

from ..unsampling.errors import Cause, UnsamplingError

CURES = {
    Cause.SIGMAS_NOT_A_LIST: "connect one list of sigmas",
    Cause.SIGMAS_EMPTY: "connect a scheduler with at least 1 step and a denoise above 0",
    Cause.SIGMAS_SINGLE: "connect a scheduler with at least 1 step",
    Cause.SIGMAS_RISING: "connect the scheduler directly, without FlipSigmas or Reverse Sigmas: the node"
    " turns it round itself",
    Cause.SIGMAS_IRREGULAR: "connect an ordinary scheduler",
    Cause.SIGMAS_END: "connect an ordinary scheduler, which ends at 0",
    Cause.LATENT_EMPTY: "encode at least one frame",
    Cause.LATENT_NOT_FINITE: "check the VAE that encoded it (a half-precision VAE overflows on some clips:"
    " try --fp32-vae)",
    Cause.MODEL_NOT_FINITE: "try a lower cfg, another precision (for example --force-upcast-attention) or"
    " another VAE",
    Cause.NO_RECORD: "switch record on in the Exact Unsampler",
    Cause.MASK_WITHOUT_RECORD: "switch record on, with a solver other than ees25, or remove the mask",
    Cause.STRUCTURE_WITHOUT_RECORD: "switch record on in the Exact Unsampler, with a solver other than ees25,"
    " or lower its end instead",
    Cause.DIRECT_WITHOUT_RECORD: "switch record on in the Exact Unsampler, with a solver other than ees25,"
    " or set direct to 0",
    Cause.DIRECT_NOT_KEPT: "lower direct here, or raise it in the Exact Unsampler",
    Cause.HOLD_WITHOUT_RECORD: "switch record on in the Exact Unsampler, with a solver other than ees25,"
    " or set hold to 0",
    Cause.STEADY_WITHOUT_RECORD: "switch record on in the Exact Unsampler, with a solver other than ees25,"
    " or set steady to 0",
    Cause.OTHER_SHAPE: "connect the same clip, neither cut nor resized",
    Cause.RECORD_NOT_STORED: "free some space, start ComfyUI with --temp-directory on a larger disk, or"
    " unsample with record half or off",
    Cause.FILE_NOT_WRITTEN: "free some space, choose another filename_prefix, or start ComfyUI with"
    " --output-directory on a larger disk",
    Cause.SETTING_NOT_NUMBERS: "give a number, a list of numbers over the clip (Value Scheduling) or a curve",
    Cause.SETTING_NOT_ONE_NUMBER: "give one number for the whole clip: only structure and fidelity change"
    " over it",
    Cause.SETTING_NAN: "check the node that makes it: it has a number missing, or divides by 0",
    Cause.VIDEO_WITHOUT_PICTURES: "load a file that has",
    Cause.VIDEO_EMPTY: "connect one that has",
    Cause.VIDEO_EMPTY_IN_TIME: "set another start or duration in Trim Video",
    Cause.THRESHOLDS_CROSSED: "set it lower",
}


def sentence(error: UnsamplingError) -> str:
    """What is wrong and, where the error does not say it itself, what to do."""
    return str(error) if error.cause is None else f"{error}; {CURES[error.cause]}"
