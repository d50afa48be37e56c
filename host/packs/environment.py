"""What bears on a model's answers beside MODEL and conditions: versions, the device, ComfyUI's options."""

import platform
import sys
from typing import Any

import comfy.model_management
import comfyui_version
import numpy as np
import torch
from comfy.cli_args import args

from ...unsampling import __version__
from . import replaced
from .core import CORE
from .fields import Key

# they compute attention or layers, where they are installed
KERNELS = ("comfy_aimdo", "comfy_kitchen", "flash_attn", "sageattention", "xformers")
KINDS = ("flash", "mem_efficient", "math", "cudnn")  # of torch's attention
# options of ComfyUI that bear on no answer: addresses, folders, what is shown, when memory is let go
BESIDE = {
    *("listen", "port", "tls_keyfile", "tls_certfile", "enable_cors_header", "max_upload_size"),
    *("base_directory", "extra_model_paths_config", "output_directory", "temp_directory", "input_directory"),
    *("user_directory", "models_directory", "auto_launch", "disable_auto_launch", "preview_method"),
    *("preview_size", "cache_ram", "cache_classic", "cache_lru", "cache_none", "high_ram", "enable_manager"),
    *("disable_manager_ui", "enable_manager_legacy_ui", "cuda_device", "default_device", "debug_hang"),
    *("default_hashing_function", "mmap_torch_files", "disable_mmap", "dont_print_server"),
    *("quick_test_for_ci", "windows_standalone_build", "disable_metadata", "disable_all_custom_nodes"),
    *("whitelist_custom_nodes", "disable_api_nodes", "multi_user", "verbose", "log_stdout"),
    *("front_end_version", "front_end_root", "enable_compress_response_body", "comfy_api_base"),
    *("database_url", "enable_assets", "enable_asset_hashing", "feature_flag", "list_feature_flags"),
}


LOADED = Key(CORE, "comfy.model_management", "loaded_models")


def loaded() -> list:
    """The MODELs that ComfyUI has on its devices."""
    return [one for one in LOADED.function(comfy.model_management)() if one is not None]


def environment() -> dict[str, Any]:
    """All of it as plain values and objects of ComfyUI."""
    device = comfy.model_management.get_torch_device()
    kernels = {name: str(getattr(sys.modules.get(name), "__version__", None)) for name in KERNELS}
    return {
        "unsampling": __version__,
        "comfyui": comfyui_version.__version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "kernels": kernels,
        "device": device,
        "device's name": _name(device),
        "types": [str(one) for one in _types(device)],
        "attention": replaced.attention(),
        "precision": _precision(),
        "options": {name: _text(one) for name, one in sorted(vars(args).items()) if name not in BESIDE},
    }


def _text(option: Any) -> str:
    """Sets have no order that lasts."""
    return str(sorted(map(str, option)) if isinstance(option, (set, frozenset)) else option)


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"


def _types(device: torch.device) -> list:
    management = comfy.model_management
    return [management.unet_dtype(), management.intermediate_device(), torch.get_default_dtype()]


def _precision() -> list[str]:
    """torch's own switches between quick and exact."""
    cuda, cudnn = torch.backends.cuda, torch.backends.cudnn
    matmul = cuda.matmul
    switches = ("allow_tf32", "allow_fp16_reduced_precision_reduction", "allow_fp16_accumulation")
    return [
        torch.get_float32_matmul_precision(),
        str(torch.are_deterministic_algorithms_enabled()),
        *(str(one) for one in (cudnn.allow_tf32, cudnn.enabled, cudnn.benchmark, cudnn.deterministic)),
        # which of torch's own kernels attention may take
        *(f"{name}: {getattr(cuda, f'{name}_sdp_enabled')()}" for name in KINDS),
        str(torch.backends.mkldnn.enabled),
        *(str(getattr(matmul, name, None)) for name in switches),
    ]
