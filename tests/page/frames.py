"""Waiting for what the browser draws."""

from playwright.sync_api import Frame, Page


def two_frames(page: Page | Frame) -> None:
    """Waits until two frames were drawn. The first shows what was changed before; what is measured in it and changed
    by that is shown by the second."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")
