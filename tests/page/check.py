"""Checks the pages at `/` and `/docs` in a real browser: python3 tests/page/check.py --shots FOLDER

Without --server it starts target/release/cmal on free ports, also with API keys and without room for pictures. The packages pinned in
requirements.txt are installed once into a folder of their own below --packages; Chromium and curl are the machine's.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import struct
import sys
import tempfile
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def png(width: int, height: int) -> bytes:
    """A gray picture with a red square in it."""
    gray, red = b"\xe6\xe6\xe6", b"\xd2\x28\x28"
    plain = b"\0" + gray * width
    crossing = b"\0" + gray * 40 + red * 60 + gray * (width - 100)
    rows = b"".join(crossing if 40 <= row < 100 else plain for row in range(height))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def upload(one: Visit, content: bytes, name: str = "mine.png") -> None:
    one.page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": content})


def check_loading(one: Visit) -> None:
    """A page that is opened before the model is loaded waits for it."""
    one.refusals_expected = True
    one.open()
    one.looked()
    expect(one.page.locator("#model")).to_contain_text("@")


def check_tasks(one: Visit) -> None:
    """Every task, in words and in drawing, against what the shown command is answered."""
    one.open()
    one.looked()
    one.accessible()
    one.fits()
    one.shot("start")
    boxes = one.page.locator("#overlay rect.box")
    objects = told(one.command("see"))["objects"]
    expect(boxes).to_have_count(len(objects))
    expect(one.page.locator("#overlay .tag")).to_have_count(len(objects))
    expect(one.page.locator("#found")).to_have_text(f"{len(objects)} objects found.")

    panel = one.asks("ask", "How many hearts are there?")
    answer = told(one.command("ask"))
    expect(panel.locator(".headline")).to_have_text(answer["answer"])
    expect(panel.locator(".bars li")).to_have_count(len(answer["answers"]))
    expect(one.page.locator("#status")).to_contain_text(answer["answer"])
    expect(panel.locator(".phases")).to_contain_text("fusion")
    panel.locator(".copy").click()
    expect(panel.locator(".copy")).to_have_text("Copied")
    assert one.page.evaluate("navigator.clipboard.readText()") == one.command("ask")
    one.accessible()
    one.shot("ask")

    for statement, meaning in [
        ("The small heart is to the right of the large heart.", "It holds"),
        ("There is a green star.", "It does not hold"),
        ("A friend drew this.", "The picture leaves it open"),
    ]:
        panel = one.asks("test", statement)
        expect(panel.locator(".headline")).to_have_text(meaning)
        assert told(one.command("test"))["label"] in one.page.locator("#status").inner_text()
        if meaning == "It holds":
            one.accessible()
            one.shot("test")

    panel = one.asks("find", "the blue star")
    expect(panel.locator(".headline")).to_have_text("Nothing in the picture fits")
    expect(one.page.locator("#overlay .found")).to_have_count(0)
    panel = one.asks("find", "the small red heart")
    expect(panel.locator(".headline")).to_contain_text("heart")
    where = told(one.command("find"))["box"]
    drawn = one.page.locator("#overlay .found rect.box")
    expect(drawn).to_have_count(1)
    scale = one.page.evaluate("document.getElementById('picture').width / document.getElementById('picture').naturalWidth")
    for side in ("width", "height"):
        assert abs(float(drawn.get_attribute(side)) - scale * where[side]) < 1, f"the {side} of the box"
    one.accessible()
    one.fits()
    one.shot("find")

    panel = one.asks("link", "a large pink heart and a small red crescent")
    answer = told(one.command("link"))
    words = one.page.locator("#words button")
    expect(words).to_have_text(answer["tokens"])
    expect(panel.locator("tbody tr")).to_have_count(len(answer["tokens"]))
    expect(panel).to_contain_text("that the word names the object")
    assert one.page.locator("#overlay .tie").count() > 0
    one.accessible()
    one.shot("words")
    words.nth(2).click()
    expect(words.nth(2)).to_have_attribute("aria-pressed", "true")
    expect(one.page.locator("#overlay .tie")).to_have_count(len(answer["objects"]))
    one.fits()
    one.shot("word")

    one.tab("see")
    one.accessible()
    one.shot("objects")
    for index in (1, 2, 3):
        one.scene(index)
        one.shot(f"scene-{index + 1}")
        one.tab("ask").locator(".examples button").first.click()
        expect(one.page.locator("#ask .headline")).to_be_visible()


def check_pictures(one: Visit) -> None:
    """A picture that is chosen, pasted or dropped; one that the server has forgotten; one that it can't read."""
    one.open()
    one.looked()
    upload(one, png(300, 200))
    expect(one.page.locator("#scenes [aria-pressed=true]")).to_have_count(0)
    one.looked()
    panel = one.asks("ask", "What colour is the square?")
    expect(panel.locator(".headline")).to_have_text("red")
    one.shot("own")

    for event, source in [("paste", "clipboardData"), ("drop", "dataTransfer")]:
        one.scene(0)
        one.page.evaluate(
            """([event, source, bytes]) => {
              const data = new DataTransfer();
              data.items.add(new File([new Uint8Array(bytes)], 'mine.png', { type: 'image/png' }));
              const kind = event === 'paste' ? ClipboardEvent : DragEvent;
              window.dispatchEvent(new kind(event, { [source]: data, cancelable: true, bubbles: true }));
            }""",
            [event, source, list(png(200, 300))],
        )
        expect(one.page.locator("#scenes [aria-pressed=true]")).to_have_count(0)
        one.looked()
        assert one.page.evaluate("document.getElementById('picture').naturalHeight") == 300, event

    one.refusals_expected = True
    one.asks("ask", "What colour is the square?")
    first = re.search(r'"id": "([^"]+)"', one.command("ask")).group(1)
    forget(one.address, first)
    panel = one.asks("ask", "What shape is red?")
    expect(panel.locator(".headline")).to_have_text("square")
    assert first not in one.command("ask"), "the picture was not left again"

    panel = one.asks("ask", "red " * 500)
    expect(panel.locator(".error")).to_have_text(re.compile(r"^.+\.Request \S+$"))
    expect(panel.locator(".answer")).to_be_empty()
    expect(panel.locator(".request")).to_be_hidden()
    one.accessible()
    one.shot("refused")
    upload(one, b"no picture at all")
    expect(one.page.locator("#picture-error")).to_be_visible()
    one.accessible()
    one.shot("unreadable")
    one.scene(0)
    expect(one.page.locator("#picture-error")).to_be_hidden()


def check_keyboard(one: Visit) -> None:
    """Nothing but keys, from the top of the page to an answer of each task."""
    one.open()
    one.looked()
    assert one.press("Tab") == "Skip to the questions"
    one.tab_to("file")
    one.page.keyboard.press("Shift+Tab")
    one.page.keyboard.press("Enter")
    one.looked()
    expect(one.page.locator("#scenes button").last).to_have_attribute("aria-pressed", "true")
    one.tab_to("tab-ask")
    for name, text in [("ask", "How many crosses are there?"), ("test", "There is a cross."), ("find", "the purple cross")]:
        one.tab_to(f"{name}-text")
        one.page.keyboard.type(text)
        one.page.keyboard.press("Enter")
        expect(one.page.locator(f"#{name} .headline")).to_be_visible()
        while one.press("Shift+Tab") != f"tab-{name}":
            pass
        one.press("ArrowRight")
    one.tab_to("link-text")
    one.page.keyboard.type("a purple cross")
    one.page.keyboard.press("Enter")
    expect(one.page.locator("#words button")).to_have_count(3)
    while one.press("Shift+Tab") != "cross":
        pass
    one.page.keyboard.press("Space")
    expect(one.page.locator("#words [aria-pressed=true]")).to_have_text("cross")
    one.shot("keyboard")


def check_reference(one: Visit) -> None:
    """The reference has every operation of the contract, and asks the server itself."""
    one.open("/docs")
    operations = sum(len(path) for path in contract(one.address)["paths"].values())
    expect(one.page.locator(".opblock")).to_have_count(operations)
    one.shot("reference")
    one.fits()
    vqa = one.page.locator("#operations-tasks-vqa")
    vqa.locator(".opblock-summary-control").click()
    vqa.locator(".try-out__btn").click()
    vqa.locator(".execute").click()
    expect(vqa.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(vqa.locator(".live-responses-table")).to_contain_text("red")
    one.shot("reference-vqa")


def check_keys(one: Visit, key: str) -> None:
    """A server with keys: the page asks for one, keeps it for its tab, and never shows it."""
    one.refusals_expected = True
    one.open()
    dialog = one.page.locator("#key")
    expect(dialog).to_be_visible()
    one.accessible()
    one.shot("key")
    one.page.keyboard.press("Escape")
    expect(one.page.locator("#picture-error")).to_contain_text("key")
    one.page.locator("#scenes button").first.click()
    for typed in ("not-a-key", key):
        expect(dialog).to_be_visible()
        one.page.locator("#key-text").fill(typed)
        one.page.keyboard.press("Enter")
    one.looked()
    one.refusals_expected = False
    one.asks("ask", "How many hearts are there?")
    command = one.command("ask")
    assert key not in one.page.content() and "$CMAL_KEY" in command
    assert told(command, key)["answer"] == one.page.locator("#ask .headline").inner_text()
    one.page.reload()
    one.looked()
    expect(one.page.locator("#change-key")).to_be_visible()
    one.shot("with-key")

    one.open("/docs")
    one.page.locator(".btn.authorize").click()
    scheme = one.page.locator(".auth-container", has=one.page.locator("#auth-bearer-value"))
    scheme.locator("#auth-bearer-value").fill(key)
    scheme.locator(".authorize").click()
    one.page.locator(".close-modal").click()
    models = one.page.locator("#operations-models-models")
    models.locator(".opblock-summary-control").click()
    models.locator(".try-out__btn").click()
    models.locator(".execute").click()
    expect(models.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


def check_unkept(one: Visit) -> None:
    """A server without room for pictures is sent the picture with each request."""
    one.refusals_expected = True
    one.open()
    one.looked()
    panel = one.asks("ask", "How many hearts are there?")
    expect(panel.locator(".headline")).to_be_visible()
    assert "-F 'image=@\"scene-1.webp\"'" in one.command("ask")
    one.asks("find", "the small red heart")
    expect(one.page.locator("#overlay .found rect.box")).to_have_count(1)


def main(options: argparse.Namespace) -> None:
    shots = options.shots
    if shots:
        shots.mkdir(parents=True, exist_ok=True)
    for needed in (options.chromium, "curl"):
        if not shutil.which(needed):
            raise SystemExit(f"this check needs `{needed}`, which is not there; Debian has the packages `chromium` and `curl`")
    # Chromium refuses to run its sandbox as root, as which containers run.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=shutil.which(options.chromium), args=arguments) as browser,
    ):

        def at(address: str, name: str, **options: object) -> AbstractContextManager[Visit]:
            return visit(browser, address, shots, name, **options)

        def common(address: str) -> None:
            with at(address, "light") as one:
                check_tasks(one)
            with at(address, "dark", dark=True) as one:
                check_tasks(one)
            with at(address, "phone", size=PHONE) as one:
                check_tasks(one)
            with at(address, "narrow", size=(320, 640)) as one:
                check_pictures(one)
                one.fits()
            with at(address, "keyboard") as one:
                check_keyboard(one)
            with at(address, "docs") as one:
                check_reference(one)
            with at(address, "docs-dark", dark=True) as one:
                check_reference(one)

        if options.server:
            common(f"http://{options.server}")
        else:
            with started(options.binary) as address:
                with at(address, "loading") as one:
                    check_loading(one)
                common(address)
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "keys"
                key = new_key(options.binary, file)
                with started(options.binary, "--api-keys", file) as address, at(address, "keys") as one:
                    check_keys(one, key)
            with started(options.binary, "--images-bytes", "1") as address, at(address, "unkept") as one:
                check_unkept(one)
    print("the pages do what they should")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    parser.add_argument("--server", metavar="HOST:PORT", help="a running server without API keys; else servers are started")
    parser.add_argument("--cmal", dest="binary", type=Path, default=target / "release/cmal", help="what to start [%(default)s]")
    parser.add_argument("--chromium", default="chromium", help="the browser, by name or path [%(default)s]")
    parser.add_argument("--shots", type=Path, metavar="FOLDER", help="where screenshots are written; else there are none")
    parser.add_argument("--packages", type=Path, default=target / "tmp", help="where the packages are installed [%(default)s]")
    chosen = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))
    from packages import installed

    sys.path.insert(0, str(installed(HERE / "requirements.txt", chosen.packages)))

    from contextlib import AbstractContextManager

    from browser import PHONE, Visit, visit
    from playwright.sync_api import expect, sync_playwright
    from server import contract, forget, new_key, started, told

    main(chosen)
