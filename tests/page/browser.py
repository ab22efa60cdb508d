"""The page in a browser: what a visitor does with it, and what must hold meanwhile."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

PHONE = (360, 740)
DESKTOP = (1280, 860)

# More than anything here takes on any machine.
PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)

# What Chromium writes to the console for every answer of 400 and above, whatever the page makes of it.
REFUSED = "Failed to load resource"


class Visit:
    """A page of a server in a fresh browser profile. It fails when the console tells of an error or another host is asked."""

    def __init__(self, page: Page, address: str, shots: Path | None, name: str) -> None:
        self.page, self.address, self.shots, self.name = page, address, shots, name
        self.troubles: list[str] = []
        self.refusals_expected = False
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not (self.refusals_expected and text.startswith(REFUSED)):
            self.troubles.append(f"{kind}: {text}")

    def _asked(self, url: str) -> None:
        if not url.startswith((f"{self.address}/", "data:", f"blob:{self.address}/")):
            self.troubles.append(f"another host was asked: {url}")

    def open(self, path: str = "/") -> None:
        self.page.goto(self.address + path)

    def looked(self) -> None:
        """Waits until the objects of the picture are there."""
        expect(self.page.locator("#board")).not_to_have_class(re.compile("waiting"))
        expect(self.page.locator("#see .headline")).to_be_attached()

    def scene(self, index: int) -> None:
        self.page.locator("#scenes button").nth(index).click()
        expect(self.page.locator("#scenes button").nth(index)).to_have_attribute("aria-pressed", "true")
        self.looked()

    def tab(self, name: str) -> Locator:
        self.page.locator(f"#tab-{name}").click()
        panel = self.page.locator(f"#{name}")
        expect(panel).to_be_visible()
        return panel

    def asks(self, name: str, text: str) -> Locator:
        """Fills the form of a tab, sends it and waits for what comes of it."""
        panel = self.tab(name)
        panel.locator("input").fill(text)
        panel.locator("form button").click()
        expect(panel.locator(".answer > *, .error:visible").first).to_be_visible()
        expect(panel.locator(".answer")).not_to_have_attribute("aria-busy", "true")
        return panel

    def command(self, name: str) -> str:
        return self.page.locator(f"#{name} .curl code").inner_text()

    def shot(self, what: str) -> None:
        """Takes a screenshot, once the drawing is done."""
        if self.shots:
            self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            full = self.page.viewport_size["width"] < 600
            self.page.screenshot(path=self.shots / f"{self.name}-{what}.png", full_page=full, animations="disabled")

    def accessible(self) -> None:
        results = Axe().run(self.page)
        assert results.violations_count == 0, results.generate_report()

    def fits(self) -> None:
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= self.page.viewport_size["width"], f"the page is {width} wide"

    def focus(self) -> str:
        """What has the focus, which must be seen: its id or its text."""
        found = self.page.evaluate("""() => {
          const one = document.activeElement;
          const shown = one.id === 'file' ? document.querySelector('label[for="file"]') : one;
          const style = getComputedStyle(shown);
          return { name: one.id || one.textContent.trim(), outline: style.outlineStyle !== 'none' && style.outlineWidth !== '0px' };
        }""")
        assert found["outline"], f"the focus on {found['name']} is not seen"
        return found["name"]

    def tab_to(self, name: str) -> None:
        passed = []
        while (here := self.press("Tab")) != name:
            passed.append(here)
            assert len(passed) < 40, f"{name} is not reached, but {passed}"

    def press(self, key: str) -> str:
        self.page.keyboard.press(key)
        return self.focus()


@contextmanager
def visit(
    browser: Browser,
    address: str,
    shots: Path | None,
    name: str,
    *,
    size: tuple[int, int] = DESKTOP,
    dark: bool = False,
) -> Iterator[Visit]:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        device_scale_factor=2 if size == PHONE else 1,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    one = Visit(context.new_page(), address, shots, name)
    try:
        yield one
    except Exception:
        if shots:
            one.page.screenshot(path=shots / f"{name}-failed.png", full_page=True)
        raise
    finally:
        context.close()
    assert not one.troubles, "\n".join(one.troubles)
