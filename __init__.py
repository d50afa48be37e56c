"""Unsampling: a ComfyUI node pack. Everything is imported when ComfyUI asks for the nodes, not before, so
that tools and tests can look at this folder without ComfyUI."""

WEB_DIRECTORY = "./js"


async def comfy_entrypoint():
    from .nodes import UnsamplingExtension

    return UnsamplingExtension()


__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
