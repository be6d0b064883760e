# SPDX-License-Identifier: MIT OR Apache-2.0
"""A browser that notes what it complains of, and what the tests ask of pages."""
import sys
import time


class Tester:
    def __init__(self, browser, folder, text):
        self.browser, self.folder, self.text = browser, folder, text
        self.errors, self.passed = [], 0

    def check(self, name, true, detail=""):
        if not true:
            sys.exit(f"FAILED: {name} {detail}\n0 passed, 1 failed")
        self.passed += 1
        print("ok:", name)

    def open(self, url, **options):
        context = self.browser.new_context(accept_downloads=True, **options)
        page = context.new_page()
        page.on("console", lambda message: self.errors.append(message.text)
                if message.type in ("error", "warning") else 0)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.errors.append(request.url)
                if not request.url.startswith(("file:", "data:", "blob:")) else 0)
        page.goto(url)
        return page

    def save(self, page):
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        path = self.folder / "saved.json"
        download.value.save_as(path)
        return download.value.suggested_filename, path.read_text()

    def forget_missing_video(self):
        """The browser itself reports that no video lies beside the page; no script can keep it from that."""
        self.errors[:] = [error for error in self.errors if "ERR_FILE_NOT_FOUND" not in error]

    def no_errors(self, name):
        self.check(f"no console errors, no network: {name}", not self.errors, self.errors)

    def walk(self, page, limit=120):
        page.evaluate("document.activeElement.blur()")
        seen = []
        for _ in range(limit):
            page.keyboard.press("Tab")
            seen.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
            if seen[-1] in ("BODY", "HTML") or seen.count(seen[0]) > 1:
                break
        return seen


def tab_to(page, wanted, limit=150):
    for _ in range(limit):
        if page.evaluate("document.activeElement.id") == wanted:
            return
        page.keyboard.press("Tab")
    sys.exit(f"FAILED: Tab does not reach {wanted}")


def type_number(page, wanted, value):
    tab_to(page, wanted)
    page.keyboard.press("Control+A")
    page.keyboard.type(str(value))


def wait_until(page, expression, seconds=15):
    """Polls from outside: the page's policy forbids the eval of page.wait_for_function."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        if time.monotonic() > end:
            sys.exit(f"FAILED: never true: {expression}; status: {page.inner_text('#status')}")
        page.wait_for_timeout(30)


def value(page, css):
    return page.eval_on_selector(css, "node => node.value")
