"""Small Wan models on ComfyUI before 0.15.1, which takes umt5's 4,096 numbers a token for any Wan."""

import inspect

import comfyui_version

READS_WIDTHS = (0, 15, 1)  # of the text, from the file's own configuration
SMALL = 768


def default_widths() -> None:
    """Lets Wan's networks take SD1.5's width of the text where their files cannot say so.

    Only the default changes: a function in the place of ComfyUI's is what the cache looks for.
    """
    if tuple(map(int, comfyui_version.__version__.split(".")[:3])) >= READS_WIDTHS:
        return
    from comfy.ldm.wan import model

    for kind in vars(model).values():
        begin = vars(kind).get("__init__") if inspect.isclass(kind) else None
        given = inspect.signature(begin).parameters if inspect.isfunction(begin) else {}
        if "text_dim" in given:
            named = [name for name, one in given.items() if one.default is not one.empty]
            begin.__defaults__ = tuple(SMALL if name == "text_dim" else given[name].default for name in named)
