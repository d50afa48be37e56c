"""Host tests: a real ComfyUI in its own process. Where there is none they skip, and say what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from comfy_server import ComfyServer
from host_session import HostSession, skip_if_not_started, started

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items) -> None:
    """Everything in this folder needs the host."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.host)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item) -> None:
    """One server that does not start is one failure."""
    if HERE in item.path.parents:
        skip_if_not_started()


def _session(base: Path, packs: tuple[str, ...]) -> Iterator[HostSession]:
    session = started(lambda: ComfyServer(base, packs))
    yield session
    session.close()


@pytest.fixture(scope="session")
def comfy(tmp_path_factory) -> Iterator[HostSession]:
    """A server with our pack, AnimateDiff-Evolved, Advanced-ControlNet and the support nodes."""
    yield from _session(tmp_path_factory.mktemp("comfy"), ("ade", "acn", "ours", "support"))


@pytest.fixture(scope="session")
def bare_comfy(tmp_path_factory) -> Iterator[HostSession]:
    """A server with nothing but our pack: no model, no other pack."""
    yield from _session(tmp_path_factory.mktemp("bare_comfy"), ("ours",))
