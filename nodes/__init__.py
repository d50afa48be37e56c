"""The nodes: a schema and a few lines each. Only host.py and checks.py know ComfyUI's insides."""

from comfy_api.latest import ComfyExtension, io

from .resample import NoiselessResampler
from .schedule import AYSScheduler, ReverseSigmas
from .unsample import Unsampler


class UnsamplingExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [Unsampler, NoiselessResampler, AYSScheduler, ReverseSigmas]
