"""Chromium in a process of its own: Playwright's plain API does not run where gevent has patched the library.

As a program it carries out what it is told, one JSON line a command: ``["click", "#save"]`` is ``page.click("#save")``.
``Browser`` is the other end.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--autoplay-policy=no-user-gesture-required"]
PATIENCE_MS = 15000
LEVELS = ("serious", "critical")


class Browser:
    """One Chromium, with further ``flags``; ``page`` begins a new page, everything else goes to it."""

    def __init__(self, *flags):
        self._process = subprocess.Popen([sys.executable, __file__, *flags], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)

    def __getattr__(self, name):
        return lambda *args, **options: self._do(name, args, options)

    def page(self, url, dark=False, size=(1280, 900), language="en-GB", reduced_motion=False, script=""):
        """``script``: what runs before the page's own."""
        self._do("new", (url, script), {"color_scheme": "dark" if dark else "light", "locale": language,
                                 "viewport": {"width": size[0], "height": size[1]},
                                 "reduced_motion": "reduce" if reduced_motion else "no-preference"})

    def text(self, selector):
        """What one sees of it."""
        return self.inner_text(selector)

    def close(self):
        if self._process.poll() is None:
            self._process.stdin.close()
            self._process.wait(20)
        self._process.stdout.close()

    def _do(self, name, args, options):
        self._process.stdin.write(json.dumps([name, args, options]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the browser's process has ended"
        answer = json.loads(line)
        assert "fault" not in answer, f"{name}{args}: {answer['fault']}"
        return answer.get("value")


class Pages:
    """The end that holds Chromium. ``faults``: what the page's console and its policy complained about."""

    def __init__(self, browser):
        self._browser = browser
        self._context = None
        self.page = None
        self._faults = []

    def new(self, url, script, **options):
        if self._context is not None:
            self._context.close()
        self._faults = []
        self._context = self._browser.new_context(**options)
        self._context.set_default_timeout(PATIENCE_MS)
        self.page = self._context.new_page()
        self.page.on("console", lambda line: self._note(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda fault: self._note(str(fault)))
        self.page.on("dialog", lambda dialog: dialog.accept())
        if script:
            self.page.add_init_script(script)
        self.page.goto(url)

    def forget_faults(self):
        self._faults = []

    def faults(self):
        return self._faults

    def _note(self, fault):
        self._faults.append(fault)

    def axe(self, rules=()):
        """What axe-core finds that is serious (by these rules, or by all): rule, how bad, where."""
        import axe_playwright_python

        self.page.evaluate((Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8"))
        only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
        found = self.page.evaluate("(only) => axe.run(document, {resultTypes: ['violations'], ...only})", only)
        return [f"{rule['id']} ({rule['impact']}): {node['target']} {node.get('failureSummary', '')[:300]}"
                for rule in found["violations"] if rule["impact"] in LEVELS for node in rule["nodes"][:3]]

    def until(self, condition):
        """Wait until the JavaScript expression is true. (Playwright's own way needs what the page's policy forbids.)"""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"never: {condition}"
            self.page.wait_for_timeout(30)

    def press(self, key):
        self.page.keyboard.press(key)

    def hold(self, key):
        self.page.keyboard.down(key)

    def let_go(self, key):
        self.page.keyboard.up(key)

    def do(self, name, args, options):
        target = self if hasattr(type(self), name) else self.page
        value = getattr(target, name)(*args, **options)
        return value if isinstance(value, str | int | float | bool | list | dict | None) else None


def main():
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        pages = Pages(playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *sys.argv[1:]]))
        for line in sys.stdin:
            name, args, options = json.loads(line)
            try:
                answer = {"value": pages.do(name, args, options)}
            except (Error, AssertionError) as fault:
                answer = {"fault": str(fault)[:2000]}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
