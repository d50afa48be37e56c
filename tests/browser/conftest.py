"""The browser of each module of tests."""

from collections.abc import Iterator

import pytest
from browser.frontend import chromium
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module; it closes before any other test starts its own, since only one may run."""
    with chromium() as found:
        yield found
