"""A real browser for pages: the system's Chromium and its driver, without a network.

Where they are not, tests are skipped, unless REQUIRE_BROWSER is set: then they fail.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

AXE = Path(__file__).parent.parent / "build" / "axe-core" / "package" / "axe.min.js"
"""The accessibility rules of axe-core, which `.ci/run` fetches by npm."""

WIDTHS = (360, 1280)
THEMES = ("light", "dark")


def missing(what: str) -> NoReturn:
    """Skip the test, or fail where that is not allowed."""
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(f"{what} is not here, and REQUIRE_BROWSER is set")
    pytest.skip(f"{what} is not here")


class Browser:
    """One window, in which pages are opened from files."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, *, width: int = 1280, theme: str = "light", script: bool = True) -> None:
        """Open the page, and forget what was logged before."""
        self._tell("Emulation.setScriptExecutionDisabled", value=not script)
        self._tell("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self._tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self.messages(), self.requests()
        self.driver.get(page.as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def messages(self) -> list[str]:
        """What the console was told since the last time."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def violations(self) -> list[str]:
        """The rules of accessibility that the page breaks, and where."""
        if not AXE.is_file():
            missing(f"axe-core in {AXE.parent.parent}")
        self.run(AXE.read_text(encoding="utf-8"))
        found = self.driver.execute_async_script("axe.run(document).then(arguments[arguments.length - 1])")
        return [
            f"{rule['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
            for rule in found["violations"]
            for node in rule["nodes"][:3]
        ]

    def _tell(self, method: str, **parameters: Any) -> None:
        self.driver.execute_cdp_cmd(method, parameters)


@contextmanager
def started() -> Iterator[Browser]:
    """The browser while it runs."""
    selenium = pytest.importorskip("selenium.webdriver") if not os.environ.get("REQUIRE_BROWSER") else None
    if selenium is None:
        import selenium.webdriver as selenium  # type: ignore[no-redef]
    chromium, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        missing("chromium with chromedriver")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    window = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    try:
        yield Browser(window)
    finally:
        window.quit()
