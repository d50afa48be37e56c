"""Modules of host/ that import ComfyUI, with stand-ins for what they use of it."""

from types import ModuleType

import comfy_objects
import pytest
import torch


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """These tests work on tiny tensors."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def with_comfy() -> dict[str, ModuleType]:
    names = (
        "models",
        "admission",
        "packs.wan_vae",
        "passes",
        "sampling",
        "likeness",
        "reports",
        "mixing",
        "grid",
        "sheets",
        "experts",
        "expert_pairs",
        "packs.core_experts",
        "noise_files",
        "conditions",
    )
    return dict(zip(names, comfy_objects.imported(*names), strict=True))


@pytest.fixture
def models(with_comfy) -> ModuleType:
    return with_comfy["models"]


@pytest.fixture
def admission(with_comfy) -> ModuleType:
    return with_comfy["admission"]


@pytest.fixture
def wan_vae(with_comfy) -> ModuleType:
    return with_comfy["packs.wan_vae"]


@pytest.fixture
def passes(with_comfy) -> ModuleType:
    return with_comfy["passes"]


@pytest.fixture
def sampling(with_comfy) -> ModuleType:
    return with_comfy["sampling"]


@pytest.fixture
def noise_files(with_comfy) -> ModuleType:
    return with_comfy["noise_files"]


@pytest.fixture
def mixing(with_comfy) -> ModuleType:
    return with_comfy["mixing"]


@pytest.fixture
def grid(with_comfy) -> ModuleType:
    return with_comfy["grid"]


@pytest.fixture
def sheets(with_comfy) -> ModuleType:
    return with_comfy["sheets"]


@pytest.fixture
def likeness(with_comfy) -> ModuleType:
    return with_comfy["likeness"]


@pytest.fixture
def reports(with_comfy) -> ModuleType:
    return with_comfy["reports"]


@pytest.fixture
def experts(with_comfy) -> ModuleType:
    return with_comfy["experts"]


@pytest.fixture
def expert_pairs(with_comfy) -> ModuleType:
    return with_comfy["expert_pairs"]


@pytest.fixture
def core_experts(with_comfy) -> ModuleType:
    return with_comfy["packs.core_experts"]


@pytest.fixture
def conditions(with_comfy) -> ModuleType:
    return with_comfy["conditions"]
