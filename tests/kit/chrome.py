"""The Chromium of the tests."""

import os

import pytest

from tools.browser import chromium


def need_chromium() -> None:
    """Skips a test where there is no Chromium, and fails it where there has to be one."""
    if chromium():
        return
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail("CI must run the browser tests, and there is no Chromium here.")
    pytest.skip("no Chromium here: install it (apt install chromium) or name it in $CHROMIUM")
