"""A clip's frames as nodes: read, cut, and their edges found."""

from comfy_api.latest import io

from ..host import clips, screen
from ..unsampling.video import footage, lightness


class VideoFrames(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_VideoFrames",
            display_name="Video Frames (scaled)",
            category="sampling/unsampling",
            description="The frames of a video at the size you work at, scaled one by one as they are"
            " decoded: a long clip takes the main memory of its small frames only. Damaged frames are left"
            " out, a varying frame rate is made even, HDR is mapped to ordinary colours. Takes the place of"
            " Get Video Components and Scale Image to Total Pixels.",
            search_aliases=[
                "load video frames",
                "every nth frame",
                "frame cap",
                "video to images",
                "vfr",
                "hdr",
            ],
            inputs=[
                io.Video.Input("video", tooltip="The video, from Load Video or Trim Video."),
                io.Float.Input(
                    "megapixels",
                    default=0.25,
                    min=0.01,
                    max=16.0,
                    step=0.01,
                    tooltip="Size of a frame in megapixels of 1024 x 1024, its shape kept: 0.25 is"
                    " 512 x 512, 0.56 is 1024 x 576.",
                ),
                io.Int.Input(
                    "every_nth",
                    default=1,
                    min=1,
                    max=100,
                    tooltip="Keep every nth frame; fps falls with it, so the clip keeps its length."
                    " 2 halves the work.",
                ),
                io.Int.Input(
                    "max_frames",
                    default=0,
                    min=0,
                    max=1_000_000,
                    tooltip="At most this many frames, counted after every_nth. 0 takes them all.",
                ),
                io.Int.Input(
                    "multiple_of",
                    default=8,
                    min=1,
                    max=256,
                    optional=True,
                    advanced=True,
                    tooltip="Both sides are a multiple of this many pixels: 8 for SD1.5 and SDXL, 16"
                    " for Wan and other video models.",
                ),
                io.Int.Input(
                    "repeat_last",
                    default=0,
                    min=0,
                    max=64,
                    optional=True,
                    advanced=True,
                    tooltip="How many times the last frame stands behind the clip once more. For"
                    " VAEs that take 1, 5, 9, ... frames and drop the rest, as Wan's: with 3"
                    " of them no frame of the clip is dropped.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="The frames, scaled."),
                io.Audio.Output(display_name="audio", tooltip="The sound of the same time, if there is any."),
                io.Float.Output(display_name="fps", tooltip="Frames a second, of the frames that were kept."),
                io.Int.Output(
                    display_name="count", tooltip="How many frames there are, repeated ones not counted."
                ),
                io.Mask.Output(
                    display_name="mask",
                    tooltip="The alpha of the clip, a mask a frame: 1 where it is transparent, as Load Image"
                    " gives it. All 0 for a clip without alpha.",
                ),
            ],
        )

    @classmethod
    def execute(cls, video, megapixels, every_nth, max_frames, multiple_of=8, repeat_last=0) -> io.NodeOutput:
        wanted = footage.Wanted(megapixels, multiple_of, every_nth, max_frames, repeat_last)
        with screen.naming("Video Frames"):
            return io.NodeOutput(*clips.of_video(video, wanted))


class FirstFrames(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_FirstFrames",
            display_name="First Frames",
            category="sampling/unsampling",
            description="The first frames of a clip, without a second copy of them in main memory: Get Image"
            " from Batch for clips of any length.",
            search_aliases=["cut frames", "trim images", "image from batch", "frame count"],
            inputs=[
                io.Image.Input("images", tooltip="The decoded clip."),
                io.Int.Input(
                    "count",
                    default=16,
                    min=1,
                    max=1_000_000,
                    tooltip="How many frames to keep: count of Video Frames gives as many as came in.",
                ),
            ],
            outputs=[io.Image.Output(display_name="images", tooltip="The frames that are kept.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, images, count) -> io.NodeOutput:
        return io.NodeOutput(clips.first(images, count, screen.node_of(cls)))


class CannyEdges(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_CannyEdges",
            display_name="Canny Edges",
            category="sampling/unsampling",
            description="The edges of a clip as a hint for a canny ControlNet, found a few frames at a"
            " time: GPU memory does not grow with the clip. Takes the place of Detect Edges"
            " (Canny), and finds the same.",
            search_aliases=["canny", "edge detection", "controlnet hint", "outline", "line art"],
            inputs=[
                io.Image.Input("images", tooltip="The frames, at the size you work at."),
                io.Float.Input(
                    "low_threshold",
                    default=0.1,
                    min=0.01,
                    max=0.99,
                    step=0.01,
                    tooltip="How weak an edge may be that leads on from a strong one. Lower"
                    " finds more lines.",
                ),
                io.Float.Input(
                    "high_threshold",
                    default=0.3,
                    min=0.01,
                    max=0.99,
                    step=0.01,
                    tooltip="How strong an edge must be to be found by itself. Lower finds more lines.",
                ),
            ],
            outputs=[io.Image.Output(display_name="edges", tooltip="White lines on black.")],
        )

    @classmethod
    def execute(cls, images, low_threshold, high_threshold) -> io.NodeOutput:
        with screen.naming("Canny Edges"):
            return io.NodeOutput(clips.edges_of(images, low_threshold, high_threshold))


class TurnLightness(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_TurnLightness",
            display_name="Turn Lightness",
            category="sampling/unsampling",
            description="Makes dark of bright and bright of dark, each hue kept: blue stays blue, where a"
            " negative makes it yellow. For a bright clip that is to become a dark look (night, neon), or the"
            " other way round: put it before VAE Encode, and give the Exact Unsampler an empty prompt, since"
            " no words describe such a picture. Twice gives the clip back.",
            search_aliases=["invert lightness", "negative", "invert", "dark to bright", "night", "neon"],
            inputs=[
                io.Image.Input("images", tooltip="The decoded clip, before VAE Encode."),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="The clip with its lightness turned round."),
            ],
        )

    @classmethod
    def execute(cls, images) -> io.NodeOutput:
        with screen.naming("Turn Lightness"):
            return io.NodeOutput(lightness.turned(images))
