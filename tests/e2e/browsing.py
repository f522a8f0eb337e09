"""What a visitor does, in words."""

from __future__ import annotations

from playwright.sync_api import Page


def see(page: Page, address: str) -> None:
    """Open an address, and wait until the page and what it loads are there."""
    page.goto(address)
    page.wait_for_load_state("networkidle")


def press(page: Page, selector: str) -> None:
    """Press something that leads to another page."""
    with page.expect_navigation():
        page.click(selector)
    page.wait_for_load_state("networkidle")


def again(page: Page) -> None:
    page.reload()
    page.wait_for_load_state("networkidle")
