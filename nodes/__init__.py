"""The nodes: a schema and a few lines each. What they do is in host/ and unsampling/."""

from comfy_api.latest import ComfyExtension, io

from .advanced import NoiselessResamplerAdvanced, UnsamplerAdvanced
from .experts import ExpertsBySigma
from .frames import CannyEdges, FirstFrames, TurnLightness, VideoFrames
from .grid import LabelledGrid, RestyleGrid
from .mix import MixNoise
from .noise import LoadNoise, SaveNoise
from .report import InversionReport, RestyleReport
from .resample import NoiselessResampler
from .sampler import InversionSampler
from .schedules import AYSScheduler, ReverseSigmas
from .unsample import Unsampler
from .vae import DecodeClip, EncodeClip


class UnsamplingExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [
            Unsampler,
            NoiselessResampler,
            UnsamplerAdvanced,
            NoiselessResamplerAdvanced,
            ExpertsBySigma,
            AYSScheduler,
            ReverseSigmas,
            InversionSampler,
            InversionReport,
            RestyleReport,
            VideoFrames,
            FirstFrames,
            CannyEdges,
            TurnLightness,
            EncodeClip,
            DecodeClip,
            SaveNoise,
            LoadNoise,
            MixNoise,
            RestyleGrid,
            LabelledGrid,
        ]
