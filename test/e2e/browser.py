"""Headless Chromium through its driver: the WebDriver protocol over HTTP, as much of it as the tests need."""

import base64
import http.client
import json
import re
import shutil
import subprocess
import tempfile
import time

from harness import DEADLINE, free_port, wait_for

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--force-prefers-reduced-motion"]


class Browser:
    def __init__(self, width=1280, height=900, dark=False):
        self.port = free_port()
        self.argv = ["chromium"]
        self.profile = tempfile.mkdtemp(prefix="pb-chromium-")
        driver = shutil.which("chromedriver", path="/usr/bin:/usr/local/bin")
        assert driver, "chromium-driver is missing: packaging/deps test"
        self.driver = subprocess.Popen([driver, f"--port={self.port}"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.session = None
        wait_for("the driver answers", self.answers)
        options = {"args": ARGUMENTS + [f"--user-data-dir={self.profile}", f"--window-size={width},{height}"],
                   "binary": "/usr/bin/chromium"}
        if dark:
            options["args"].append("--force-dark-mode")
        self.session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"}}}})["sessionId"]

    def answers(self):
        try:
            return self.call("GET", "/status")["ready"]
        except OSError:
            return False

    def call(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request(method, path, json.dumps(body) if body is not None else None,
                  {"Content-Type": "application/json"})
        answer = json.loads(c.getresponse().read())["value"]
        c.close()
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"{answer['error']}: {answer['message']}")
        return answer

    def do(self, method, path, body=None):
        return self.call(method, f"/session/{self.session}{path}", body)

    # --- what tests say ---

    def go(self, url):
        self.do("POST", "/url", {"url": url})

    def run(self, script, *args):
        return self.do("POST", "/execute/sync", {"script": script, "args": list(args)})

    def run_async(self, script, *args):
        return self.do("POST", "/execute/async", {"script": script, "args": list(args)})

    def find(self, css, text=None):
        """Elements that are shown, those with this text alone where one is named; none while a page gives
        way to another."""
        try:
            return self.shown(css, text)
        except AssertionError as x:
            if "unloaded" in str(x) or "execution context" in str(x) or "aborted" in str(x):
                return []
            raise

    def shown(self, css, text):
        return self.run("""
            return [...document.querySelectorAll(arguments[0])].filter((e) =>
                e.checkVisibility() && (arguments[1] === null || e.textContent.includes(arguments[1])))""",
                        css, text)

    def see(self, css, text=None):
        """The first such element, as soon as there is one."""
        return wait_for(f"{css} {text or ''} on the page: {self.text()[:3000]}",
                        lambda: self.find(css, text), DEADLINE)[0]

    def gone(self, css, text=None):
        wait_for(f"no {css} {text or ''}", lambda: not self.find(css, text), DEADLINE)

    def click(self, css, text=None):
        """A click where the page may be drawn anew at any moment."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                e = self.see(css, text)
                return self.do("POST", f"/element/{e[ELEMENT]}/click", {})
            except AssertionError as x:
                if not any(w in str(x) for w in ("stale", "intercepted", "not interactable")) or time.monotonic() > end:
                    raise

    def type(self, css, text):
        e = self.see(css)
        self.do("POST", f"/element/{e[ELEMENT]}/clear", {})
        self.do("POST", f"/element/{e[ELEMENT]}/value", {"text": text})

    def choose(self, css, value):
        """Of a list, or where typing would depend on the language: a date."""
        self.see(css)
        self.run("""const e = document.querySelector(arguments[0]);
            e.value = arguments[1];
            e.dispatchEvent(new Event("input", { bubbles: true }));
            e.dispatchEvent(new Event("change", { bubbles: true }))""", css, value)
        assert self.run("return document.querySelector(arguments[0]).value", css) == value

    def keys(self, *keys):
        self.do("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": [
            a for k in keys for a in ({"type": "keyDown", "value": k}, {"type": "keyUp", "value": k})]}]})

    def text(self):
        return self.run("return document.body.innerText")

    def resize(self, width, height):
        self.do("POST", "/window/rect", {"width": width, "height": height})

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self.do("GET", "/screenshot")))

    def complaints(self):
        """What the browser has to say of the pages: errors of scripts, breaches of the policy. Requests
        that were refused or not answered are tested for, and show in it as well."""
        return [x["message"] for x in self.do("POST", "/se/log", {"type": "browser"})
                if x["level"] == "SEVERE" and not re.search("status of 4|net::ERR_(EMPTY|CONN)", x["message"])]

    # --- for conftest ---

    def output(self):
        return ""

    def kill(self):
        try:
            if self.session:
                self.call("DELETE", f"/session/{self.session}")
        except (OSError, AssertionError):
            pass
        self.driver.terminate()
        self.driver.wait()
        shutil.rmtree(self.profile, ignore_errors=True)
