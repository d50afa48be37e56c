"""The nodes: a schema and a few lines each. Only host.py knows ComfyUI's insides."""

from comfy_api.latest import ComfyExtension, io

from .advanced import NoiselessResamplerAdvanced, UnsamplerAdvanced
from .report import InversionReport
from .resample import NoiselessResampler
from .schedule import AYSScheduler, ReverseSigmas
from .solver import InversionSampler
from .unsample import Unsampler
from .video import CannyEdges, DecodeClip, EncodeClip, FirstFrames, VideoFrames


class UnsamplingExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [
            Unsampler,
            NoiselessResampler,
            UnsamplerAdvanced,
            NoiselessResamplerAdvanced,
            AYSScheduler,
            ReverseSigmas,
            InversionSampler,
            InversionReport,
            VideoFrames,
            FirstFrames,
            CannyEdges,
            EncodeClip,
            DecodeClip,
        ]
