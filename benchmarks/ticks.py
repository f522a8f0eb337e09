"""How long the shop owner waits for each of the three steps on the page "See it work": from the visit or click in the
shop to the tick, which stands for a browser's report and Meta's acceptance, in headless Chromium on the demo shop.

    python benchmarks/ticks.py [ROUNDS]

Prints seconds, median and longest of some rounds. Exits with 1 where a step's median takes more than two seconds, with
a quarter of slack.
"""

from __future__ import annotations

import logging
import re
import shutil
import statistics
import sys
import time

from playwright.sync_api import Browser, sync_playwright

from capi_middleware.cli.demo import TOKEN, Demo

LIMIT, SLACK = 2.0, 1.25
PASSWORD = "en mening som bara jag vet"
STEPS = (("PageView", ""), ("ViewContent", "a[href*='/produkt/']"), ("AddToCart", "form[action*='lagg-till'] button"))


class Heard(logging.Handler):
    """What the program says at its start."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    waits: dict[str, list[float]] = {name: [] for name, _ in STEPS}
    heard = Heard()
    logging.getLogger("capi_middleware").addHandler(heard)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(rounds):
            with Demo() as demo:
                for name, seconds in walk(browser, demo, heard.text).items():
                    waits[name].append(seconds)
        browser.close()
    for name, found in waits.items():
        print(f"{name:12} median {statistics.median(found):.2f} s, longest {max(found):.2f} s")
    return int(any(statistics.median(found) > LIMIT * SLACK for found in waits.values()))


def walk(browser: Browser, demo: Demo, said: str) -> dict[str, float]:
    """Seconds until each step's tick."""
    major = browser.version.partition(".")[0]
    agent = f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
    context = browser.new_context(user_agent=agent, locale="sv-SE")
    page = context.new_page()
    page.goto(demo.admin_url)
    page.fill("#code", re.findall(r"set-up code (\S+)", said)[-1])
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.click("main button.main")
    page.fill("#access_token", TOKEN + "0123456789012345678")
    page.click("main button.main")
    page.wait_for_selector("[data-steps]")
    shop, found = context.new_page(), {}
    for name, pressed in STEPS:
        begun = time.perf_counter()
        if pressed:
            shop.click(pressed)
        else:
            shop.goto(demo.shop_url)
        page.wait_for_selector(f"[data-step={name}].done", timeout=30_000)
        found[name] = time.perf_counter() - begun
    context.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
