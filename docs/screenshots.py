"""Makes the pictures of the README: a visit to the demo shop, and the events that it sent, in pairs.

    python docs/screenshots.py [FOLDER]

Needs Playwright and the system's Chromium (``make test`` installs both). Nothing leaves the machine.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from capi_middleware.cli.demo import Demo

FOLDER = Path(__file__).parent / "images"
BUYER = {
    "first_name": "Åsa",
    "last_name": "Öberg",
    "email": "asa@example.se",
    "phone": "070-123 45 67",
    "address": "Storgatan 1",
    "postcode": "411 05",
    "city": "Göteborg",
}


def main(folder: Path = FOLDER) -> None:
    """Write ``shop.png`` and ``events.png`` into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with Demo() as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = _page(browser, 1280, 800)
        _visit(page, demo.shop_url, folder / "shop.png")
        demo.app.flush(10)
        demo.sandbox.wait(lambda now: all(pair.status == "deduplicated" for pair in now.pairs()), 10)
        events = _page(browser, 1280, 960)
        events.goto(demo.events_url)
        events.wait_for_selector(".event")
        events.click(".row:has-text('AddToCart')")
        events.wait_for_timeout(2000)  # the colour of what is new fades
        events.screenshot(path=folder / "events.png")
        browser.close()


def _page(browser: Browser, width: int, height: int) -> Page:
    """A page of a person's browser: a headless one calls itself so, and a robot sends no events."""
    major = browser.version.partition(".")[0]
    agent = f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
    return browser.new_page(
        user_agent=agent, locale="sv-SE", viewport={"width": width, "height": height}, device_scale_factor=1.5
    )


def _visit(page: Page, shop: str, picture: Path) -> None:
    """Home, category, product, two adds, checkout, thank-you page."""
    _see(page, shop)
    page.screenshot(path=picture)
    _see(page, f"{shop}kategori/hemmet")
    _see(page, f"{shop}produkt/vas-vag")
    page.fill("[name=antal]", "2")
    _press(page, ".add button")
    _see(page, f"{shop}kassa")
    for name, value in BUYER.items():
        page.fill(f"[name={name}]", value)
    _press(page, ".details button")


def _see(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")


def _press(page: Page, selector: str) -> None:
    with page.expect_navigation():
        page.click(selector)
    page.wait_for_load_state("networkidle")


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:]))
