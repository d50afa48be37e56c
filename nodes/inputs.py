"""Inputs that more than one node has."""

from comfy_api.latest import io

from ..host import passes
from ..host.mirrors import TURN
from ..host.settings import AUTO
from ..unsampling import solvers

# what an input means in a workflow saved before the node had it: js/earlier_workflows.js, tools/client
BEFORE = "before"
# what people type who look for what the two passes do together
SOUGHT = (
    *("unsampling", "vid2vid", "video to video", "img2img", "restyle", "style transfer"),
    *("rf inversion", "reconstruct"),
)
# AnimateDiff's name for a list of numbers, and core's for a curve, which older ones do not have in their io
TYPES = [io.Custom("FLOATS"), io.Custom("CURVE")]


def rising() -> list:
    """What both Exact Unsamplers ask about their pass."""
    return [
        io.Combo.Input(
            "solver",
            options=list(solvers.PAIRS),
            default=solvers.DEFAULT,
            tooltip="The method of both passes. midpoint suits almost everything; dpmpp_2m is"
            " smoother, for 6 steps or fewer at a high cfg; euler is what the original"
            " guide uses. With the record, these three return the source exactly under"
            " its own settings. ees25 keeps no record and takes three times as long;"
            " it is the most accurate plain one per step.",
        ),
        io.Float.Input(
            "end",
            default=1.0,
            min=0.0,
            max=1.0,
            step=0.01,
            optional=True,
            advanced=True,
            tooltip="How far up to unsample, as a fraction of the steps. 1 is full noise. With"
            " direct 0, lower keeps more of the source, has less room for a new style, and"
            " runs fewer steps: the resampler starts where the noise ends. A direct path"
            " starts at the top all the same: with direct 0.6, an end of 0.4 leaves out only"
            " the climb that the path does not use.",
        ),
        io.Combo.Input(
            "record",
            options=list(passes.RECORD),
            default="full",
            optional=True,
            advanced=True,
            tooltip="Keeps what makes the resampling exact, structure and masks possible: one"
            " more model call, and (steps + 4) latents in main memory, on disk above 2"
            " GiB. half rounds the model's outputs to half precision and takes a"
            " little over half, as exact. off keeps the settings only.",
        ),
        _direct(
            "How much of the steps, from the top, the resampler may take by the direct path, as a"
            " fraction: there it compares the model's two answers, for the source and for the new look, at"
            " noise drawn anew each step, so that shapes hold. -1 lets the clip decide, 0 is off. One more"
            " model call and latent a step, here only; from a schedule that begins low, such as SD1.5's and"
            " SDXL's, two calls and a latent more in all. Needs a positive that describes the source.",
            {BEFORE: 0.0},
        ),
        io.Int.Input(
            "variation",
            default=0,
            min=0,
            max=2**32 - 1,
            optional=True,
            advanced=True,
            tooltip="Another number draws other noise for the direct path: another take of the same restyle."
            " The way back to the source is exact with each. The resampler's variation does the same without"
            " a new unsampling.",
        ),
    ]


def keep_on_disk():
    """The switch of both Exact Unsamplers for the cache."""
    return io.Boolean.Input(
        "keep_on_disk",
        default=False,
        optional=True,
        advanced=True,
        tooltip="Keeps the noise in a cache on disk, and takes it from there without a model call when the"
        " same clip is unsampled again with the same model, LoRA, prompts and settings, tomorrow or by"
        " another ComfyUI. The node says so, and says why where something cannot be recognised. The cache"
        " holds 20 GiB and drops what was used longest ago.",
    )


def falling() -> list:
    """What both resamplers ask about theirs."""
    return [
        over_time(
            "structure",
            0.0,
            "How much of the source to keep, as the fraction of the steps to"
            " leave out. 0 gives the most freedom, 1 is the source itself. Raise"
            " it when shapes or motion drift; it needs no new unsampling. It counts"
            " from the noise, with a direct path from the top of the schedule. Result"
            " identical to the input? Lower it. Connect a list of numbers (Value"
            " Scheduling) or a curve to change it over the clip.",
        ),
        over_time(
            "fidelity",
            1.0,
            "How much of the recorded correction to use. 1 returns the source"
            " exactly under the source's own prompt and cfg, 0 is the plain"
            " solver. This does not hold back a new style: use structure for"
            " that. Takes a list of numbers or a curve, too.",
            advanced=True,
        ),
        io.Combo.Input(
            "solver",
            options=["auto", *solvers.PAIRS],
            default="auto",
            optional=True,
            advanced=True,
            tooltip="auto takes the solver that the noise was made with. Choose one only for"
            " noise that did not come from the Exact Unsampler.",
        ),
        io.Sigmas.Input(
            "sigmas",
            optional=True,
            advanced=True,
            tooltip="Only for noise that did not come from the Exact Unsampler: the falling"
            " schedule to resample with. Leave it open otherwise.",
        ),
        # the last widgets: a workflow of an earlier version has its values in the order of the widgets
        _direct(
            "How much of the steps, from the top, to take by the direct path, as a fraction. -1 is as"
            " far as the noise allows (direct in the Exact Unsampler), 0 begins at the noise, as before. cfg"
            " acts below the path: a shorter path leaves it more steps. 1 leaves the noise out."
            " No more model calls; from a schedule that begins low, such as SD1.5's and SDXL's, four, which"
            " find the colours of the new look.",
        ),
        io.Float.Input(
            "hold",
            default=0.0,
            min=0.0,
            max=1.0,
            step=0.05,
            optional=True,
            advanced=True,
            tooltip="How much to hold the layout, what is large in the picture, at the source's, while tone,"
            " strength and detail stay the new look's. 0 is off; 0.5 is a good start where no prompt"
            " describes the source and the direct path is off. No more model calls; exact on the source.",
        ),
        io.Float.Input(
            "steady",
            default=0.0,
            min=0.0,
            max=1.0,
            step=0.05,
            optional=True,
            advanced=True,
            tooltip="How much to even out over neighbouring frames what the new look changes in large areas."
            " 0 is off. It takes out jumps of colour where context windows meet, but flicker does not get"
            " less: give the windows more overlap first. Where the source moves it does less. For the frames"
            " of one clip, not for a batch of pictures. No more model calls; exact on the source.",
        ),
        io.Combo.Input(
            "turn_lightness",
            options=list(TURN),
            default="auto",
            optional=True,
            advanced=True,
            tooltip="For a dark look of a bright clip, or a bright look of a dark one: the model is asked"
            " through a mirror in which dark and bright change places. Colours and light come right and"
            " shapes keep their place, but less of the look's detail is drawn than between two bright looks."
            " auto does it where the first answers of the direct path show the need, for one model call more;"
            " from a schedule that begins low, such as SD1.5's and SDXL's, they cannot: choose on there. off"
            " never.",
            extra_dict={BEFORE: "off"},
        ),
        io.Int.Input(
            "variation",
            default=0,
            min=0,
            max=2**32 - 1,
            optional=True,
            control_after_generate=io.ControlAfterGenerate.fixed,
            tooltip="Another take of the same restyle: other noise is drawn for the direct path. 0 is the"
            " take that the noise came with. Another one costs a model call more for each step of the path,"
            " on SD1.5 and SDXL two or three more in all, and no new unsampling. For four takes set the"
            " control below to increment, and run 4 times.",
        ),
    ]


def of_falling(*names: str) -> list:
    """Those of the resamplers' inputs, in their order there."""
    return [one for one in falling() if one.id in names]


def _direct(tooltip: str, more: dict | None = None):
    """The length of the direct path."""
    return io.Float.Input(
        "direct",
        default=AUTO,
        min=AUTO,
        max=1.0,
        step=0.01,
        optional=True,
        advanced=True,
        tooltip=tooltip,
        extra_dict=more,
    )


def over_time(name: str, default: float, tooltip: str, advanced: bool = False):
    """An input from 0 to 1 with a widget, which takes numbers over the clip too: see curves.over_frames()."""
    widget = io.Float.Input(
        name,
        default=default,
        min=0.0,
        max=1.0,
        step=0.01,
        optional=advanced,
        advanced=advanced or None,
        tooltip=tooltip,
    )
    return io.MultiType.Input(widget, types=TYPES)
