"""A page opened in headless Chromium, and everything it complained about."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

#: Runs in the page before anything of its own, and is not bound by its policy.
_WATCH = """
window.complaints = [];
document.addEventListener('securitypolicyviolation', e => complaints.push(
    `policy: ${e.violatedDirective} ${e.blockedURI}`));
window.addEventListener('error', e => complaints.push(`error: ${e.message}`), true);
window.addEventListener('unhandledrejection', e => complaints.push(`rejection: ${e.reason}`));
window.alert = text => complaints.push(`alert: ${text}`);
"""

#: Figures are drawn when they come into view.
_SHOW_NEXT = """
const next = [...document.querySelectorAll('figure')].find(f => !f.querySelector('.plot .main-svg'));
if (next) next.scrollIntoView({behavior: 'instant'});
else window.scrollTo({top: 0, behavior: 'instant'});
return !next;
"""


@contextmanager
def opened(
    chromium: str, page: Path, *, width: int = 1400, height: int = 900, scripts: bool = True, drawn: bool = True
) -> Iterator[webdriver.Chrome]:
    """The ``page`` in a fresh browser with a window of that size [px]; if ``drawn``, with every figure drawn."""
    driver = shutil.which("chromedriver")
    if driver is None:
        pytest.skip("no chromedriver on this machine: the page was not opened in a browser")
    with TemporaryDirectory() as profile:
        browser = webdriver.Chrome(_options(chromium, profile, scripts), Service(driver))
        try:
            _size(browser, width, height)
            browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
            browser.get(page.as_uri())
            if scripts and drawn:
                WebDriverWait(browser, 60).until(_all_drawn)
            yield browser
        finally:
            browser.quit()


def complaints(browser: webdriver.Chrome) -> list[str]:
    """Policy violations, script errors and everything on the console, as text."""
    untyped: Any = browser
    return [*untyped.execute_script("return window.complaints"), *(e["message"] for e in untyped.get_log("browser"))]


def _options(chromium: str, profile: str, scripts: bool) -> webdriver.ChromeOptions:
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if not scripts:
        blocked = {"profile.managed_default_content_settings.javascript": 2}
        options.add_experimental_option("prefs", blocked)
    return options


def _size(browser: webdriver.Chrome, width: int, height: int) -> None:
    screen: dict[str, Any] = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


def _all_drawn(browser: webdriver.Chrome) -> bool:
    """Brings the next figure that is not drawn into view; with none left it goes back to where the page begins."""
    return bool(browser.execute_script(_SHOW_NEXT))
