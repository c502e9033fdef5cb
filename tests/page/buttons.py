"""Buttons that come and go by themselves."""

from playwright.sync_api import Locator


def press_if_there(button: Locator) -> None:
    """Presses a button that may go at any moment. It is not waited for."""
    button.evaluate_all("(all) => all.filter((one) => !one.disabled).forEach((one) => one.click())")
