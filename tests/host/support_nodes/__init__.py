"""Nodes that exist only in host tests: known tensors in, an exact answer inside a MODEL, tensors out.

Importing this package imports nothing of ComfyUI, so that tests can use `support_nodes.mixture` themselves.
"""


async def comfy_entrypoint():
    """The host asks for this once, at start."""
    from .nodes_for_tests import Extension
    from .small_wan import default_widths
    from .status_lines import watch

    watch()
    default_widths()
    return Extension()
