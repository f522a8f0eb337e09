"""Makes the pictures of the admin page, in both languages: the shop owner's path on the demo shop.

    python docs/admin_screenshots.py [FOLDER]

Needs Playwright and the system's Chromium (``make test`` installs both). Nothing leaves the machine.
"""

from __future__ import annotations

import logging
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from capi_middleware.cli.demo import Demo

FOLDER = Path(__file__).parent / "images"
PASSWORD = "en mening som bara jag vet"


class Heard(logging.Handler):
    """What the program says at its start."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"


def main(folder: Path = FOLDER) -> None:
    """Write ``admin-try-sv.png``, ``admin-overview-sv.png``, ``admin-events-sv.png``, ``admin-pick-sv.png`` (point and
    click) and the same in English."""
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for locale, language in (("sv-SE", "sv"), ("en-GB", "en")):
            heard = Heard()
            logging.getLogger("capi_middleware").addHandler(heard)
            with Demo() as demo:
                _path(browser, demo, heard, locale, folder, language)
            logging.getLogger("capi_middleware").removeHandler(heard)
        browser.close()


def _path(browser: Browser, demo: Demo, heard: Heard, locale: str, folder: Path, language: str) -> None:
    major = browser.version.partition(".")[0]
    agent = f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
    context = browser.new_context(user_agent=agent, locale=locale, viewport={"width": 1100, "height": 760})
    page = context.new_page()
    page.goto(demo.admin_url)
    code = re.search(r"set-up code (\S+)", heard.text)
    page.fill("#code", code[1] if code else "")
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.click("main button.main")
    page.fill("#pixel_id", "1234567890")
    page.fill("#access_token", "EAAdemo12345678901234567890")
    page.click("main button.main")
    page.wait_for_selector("[data-steps]")
    with context.expect_page() as opened:
        page.click("main a.button.main")
    shop = opened.value
    shop.wait_for_load_state("networkidle")
    shop.click("a[href*='/produkt/']")
    shop.wait_for_load_state("networkidle")
    shop.click("form[action*='lagg-till'] button")
    page.wait_for_selector("[data-all-done]:not([hidden])", timeout=20_000)
    page.wait_for_timeout(500)  # the colour of what is new fades
    page.screenshot(path=folder / f"admin-try-{language}.png")
    page.goto(demo.admin_url)
    page.screenshot(path=folder / f"admin-overview-{language}.png")
    page.goto(f"{demo.admin_url}events")
    page.wait_for_selector("[data-live] .leg.yes")
    page.screenshot(path=folder / f"admin-events-{language}.png")
    page.goto(f"{demo.admin_url}rules")
    page.click("form[action$='rules/pick'] button")
    page.goto(f"{demo.shop_url}produkt/vas-vag")
    page.click(".price >> nth=0")
    page.get_by_text("459").last.wait_for()
    page.wait_for_timeout(1000)  # until the bar has asked what the rule would do
    page.screenshot(path=folder / f"admin-pick-{language}.png")
    context.close()


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:]))
