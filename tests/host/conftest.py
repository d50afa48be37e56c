"""Host tests: a real ComfyUI in its own process. Where there is none they skip, and say what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from comfy_server import ComfyServer, HostMissing, find_host, find_pack, found_optional
from host_session import HostSession, needs_pack, skip_if_not_started, started

HERE = Path(__file__).parent
USUAL = ("ade", "acn", "ours", "support")


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
    yield from _session(tmp_path_factory.mktemp("comfy"), USUAL)


@pytest.fixture(scope="session")
def bare_comfy(tmp_path_factory) -> Iterator[HostSession]:
    """A server with nothing but our pack: no model, no other pack."""
    yield from _session(tmp_path_factory.mktemp("bare_comfy"), ("ours",))


@pytest.fixture(scope="session")
def packed_comfy(tmp_path_factory) -> Iterator[HostSession]:
    """A server with those of the optional packs that this machine has, too."""
    host = find_host()
    extensions = host / "web" / "extensions"
    # FizzNodes copies its scripts there as it is imported
    made = [folder for folder in (host / "web", extensions, extensions / "FizzleDorf") if not folder.exists()]
    yield from _session(tmp_path_factory.mktemp("packed_comfy"), (*USUAL, *found_optional(host)))
    for folder in made[:1]:
        shutil.rmtree(folder, ignore_errors=True)


def _with_pack(request, name: str, node: str) -> HostSession:
    try:
        folder = find_pack(find_host(), name)
    except HostMissing as missing:
        pytest.skip(f"host test not run: {missing}")
    session = request.getfixturevalue("packed_comfy")
    needs_pack(session, folder, node)
    return session


@pytest.fixture
def fizz_comfy(request) -> HostSession:
    """A server that has FizzNodes as well; the test skips where there is none, or it does not load."""
    return _with_pack(request, "fizz", "BatchPromptSchedule")


@pytest.fixture
def ipadapter_comfy(request) -> HostSession:
    """A server that has ComfyUI_IPAdapter_plus as well; the test skips as above."""
    return _with_pack(request, "ipadapter", "IPAdapterAdvanced")
