"""A real browser, for the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.browser.chromium import launched


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with launched() as chromium:
        yield chromium
