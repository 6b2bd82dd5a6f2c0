"""Follow a link or send a form, and go on only when the page behind it is whole."""

from playwright.sync_api import Locator


def follow(target: Locator) -> None:
    """Click what leads to another page, and wait until that page has come to its end.

    A click alone returns as soon as the answer begins: what counts elements then counts those
    that happen to be there already.
    """
    with target.page.expect_navigation():
        target.click()
