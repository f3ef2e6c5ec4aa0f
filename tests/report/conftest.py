"""Failures to look at, and a real browser to do so."""

import os
import shutil

import pytest
from filmed import HOSTILE, Hostile, MarksFirst, filmed

from acidtest.properties.outbox.contract import OutboxContract


@pytest.fixture(scope="session")
def told():
    """A failure of an outbox that marks first, and its film."""
    return filmed(OutboxContract(), MarksFirst, "one withdrawal")


@pytest.fixture(scope="session")
def hostile():
    """A failure whose texts are an attack, and its film."""
    return filmed(OutboxContract(), Hostile, "one withdrawal", f"my_module:{HOSTILE}")


@pytest.fixture(scope="session")
def chromium():
    """Chromium, driven by Selenium; without it the test is skipped, or fails where it must not be."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        reason = "Chromium and its driver are not installed (Debian: apt-get install chromium chromium-driver)"
        pytest.fail(reason, pytrace=False) if os.environ.get("ACIDTEST_REQUIRE_CHROMIUM") else pytest.skip(reason)
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = Chrome(options=options, service=ChromeService(driver))
    yield browser
    browser.quit()
