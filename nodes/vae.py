"""A clip through the VAE, as nodes."""

from comfy_api.latest import io

from ..host import screen
from ..host.packs import wan_vae


class EncodeClip(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_EncodeClip",
            display_name="VAE Encode (long clips)",
            category="sampling/unsampling",
            description="VAE Encode for clips of any length: Wan's VAE gets its frames a few at a time, so"
            " that neither main nor GPU memory holds the clip once more. The same latent comes"
            " out. With any other VAE it is core's VAE Encode.",
            search_aliases=["vae encode", "encode video", "image to latent", "wan vae"],
            inputs=[
                io.Image.Input("pixels", tooltip="The frames, at the size you work at."),
                io.Vae.Input("vae", tooltip="The model's VAE."),
            ],
            outputs=[io.Latent.Output(display_name="latent", tooltip="The clip's latent.")],
        )

    @classmethod
    def execute(cls, pixels, vae) -> io.NodeOutput:
        with screen.naming("VAE Encode (long clips)"):
            return io.NodeOutput({"samples": wan_vae.encode(vae, pixels, screen.ticks)})


class DecodeClip(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_DecodeClip",
            display_name="VAE Decode (long clips)",
            category="sampling/unsampling",
            description="VAE Decode for clips of any length: what Wan's VAE makes goes straight into the"
            " result, so that neither main nor GPU memory holds the clip once more. The same"
            " frames come out. With any other VAE it is core's VAE Decode.",
            search_aliases=["vae decode", "decode video", "latent to image", "wan vae"],
            inputs=[
                io.Latent.Input("samples", tooltip="The latent to decode."),
                io.Vae.Input("vae", tooltip="The model's VAE."),
            ],
            outputs=[io.Image.Output(display_name="images", tooltip="The decoded frames.")],
        )

    @classmethod
    def execute(cls, samples, vae) -> io.NodeOutput:
        with screen.naming("VAE Decode (long clips)"):
            return io.NodeOutput(wan_vae.decode(vae, samples["samples"], screen.ticks))
