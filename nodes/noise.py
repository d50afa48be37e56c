"""Noise in files, as nodes."""

from comfy_api.latest import io, ui

from ..host import noise_files, screen


class SaveNoise(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_SaveNoise",
            display_name="Save Noise",
            category="sampling/unsampling",
            description="Writes unsampled noise with its record into one .safetensors file in ComfyUI's"
            " output folder. Load Noise gives it back tomorrow or on another machine: every restyle of it"
            " then saves the unsampling. The node says how large the file gets before it writes.",
            search_aliases=["save latent", "export noise", "keep inversion", "store", "cache", "safetensors"],
            is_output_node=True,
            inputs=[
                io.Latent.Input(
                    "noise", tooltip="The output of the Exact Unsampler; any other LATENT is kept too."
                ),
                io.String.Input(
                    "filename_prefix",
                    default="unsampling/noise",
                    tooltip="Folder below ComfyUI's output folder, and how the file's name begins; as in Save"
                    " Image (%date:yyyy-MM-dd% and the like work). A number follows, so that no"
                    " file is overwritten.",
                ),
                io.Combo.Input(
                    "precision",
                    options=list(noise_files.PRECISIONS),
                    default="lossless",
                    tooltip="lossless gives the same restyle to the last bit. half rounds the noise and the"
                    " model's answers to float16: about 55 percent of the size, and a restyle"
                    " that differs by rounding.",
                ),
            ],
            outputs=[
                io.Latent.Output(display_name="noise", tooltip="The noise as it came in, for a resampler.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, noise, filename_prefix, precision) -> io.NodeOutput:
        with screen.naming("Save Noise"):
            place, picture = noise_files.save(noise, filename_prefix, precision, screen.node_of(cls))
            return io.NodeOutput(noise, ui=_shown(cls, picture, {"latents": [place]}))


class LoadNoise(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="UNS_LoadNoise",
            display_name="Load Noise",
            category="sampling/unsampling",
            description="Noise that Save Noise wrote, with all that the Noiseless Resampler needs: connect it"
            " in place of the Exact Unsampler. A file of core's Save Latent comes as noise without a record.",
            search_aliases=["load latent", "import noise", "open inversion", "safetensors"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=noise_files.listed(),
                    tooltip="The files of noise in ComfyUI's output and input folders, newest first. Upload"
                    " copies one into the input folder.",
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="noise",
                    tooltip="The noise with its record, for the Noiseless Resampler and the"
                    " Inversion Report.",
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, file):
        return noise_files.refusal(file)

    @classmethod
    def fingerprint_inputs(cls, file):
        return noise_files.fingerprint(file)

    @classmethod
    def execute(cls, file) -> io.NodeOutput:
        with screen.naming("Load Noise"):
            noise, picture = noise_files.load(file, screen.node_of(cls))
            return io.NodeOutput(noise, ui=_shown(cls, picture, {}))


def _shown(cls, picture, more: dict) -> dict | None:
    """The picture under the node, where there is one, with more for the browser; None without a node."""
    if screen.node_of(cls) is None:
        return None
    return more | ({} if picture is None else ui.PreviewImage(picture[None], cls=cls).as_dict())
