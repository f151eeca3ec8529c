"""Debian's Chromium without a window, spoken to over pipes: no network, no further packages."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

ON_3_AND_4 = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)
"""Python that becomes Chromium, which reads commands from 3 and writes answers to 4."""

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Page:
    """An open page, and everything that its console said."""

    def __init__(self, send, receive):
        self._send, self._receive, self._numbers = send, receive, count(1)
        self.session, self.said, self.requests = None, [], []

    def ask(self, method, **params):
        """Send a command and return its result; events on the way are kept."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        self._send(message | ({"sessionId": self.session} if self.session else {}))
        while True:
            got = self._receive()
            if got.get("id") == number:
                assert "error" not in got, got
                return got["result"]
            self._note(got)

    def wait_for(self, event):
        while (got := self._receive()).get("method") != event:
            self._note(got)
        return got

    def _note(self, got):
        match got.get("method"):
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded":
                self.said.append(got["params"])
            case "Network.requestWillBeSent":
                self.requests.append(got["params"]["request"]["url"])

    def open(self, path):
        """Open a file from disk with the network off."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.ask(
            "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0,
            uploadThroughput=0,
        )  # fmt: skip
        self.ask("Page.navigate", url=path.resolve().as_uri())
        self.wait_for("Page.loadEventFired")

    def run(self, script):
        """Return what JavaScript evaluates to, as JSON."""
        got = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in got, got
        return got["result"].get("value")

    def press(self, key, code):
        for kind in ("keyDown", "keyUp"):
            self.ask(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def resize(self, width, height, *, mobile=False):
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=1, mobile=mobile,
        )  # fmt: skip

    def screenshot(self, path, *, whole=False):
        got = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(got["data"]))

    def print(self, path):
        got = self.ask("Page.printToPDF", printBackground=False)
        path.write_bytes(base64.b64decode(got["data"]))


def _high(descriptor):
    """Move a descriptor out of the way of 3 and 4."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 50)
    os.close(descriptor)
    return moved


@contextmanager
def browser(folder) -> Iterator[Page]:
    """Start Chromium with a profile of its own, and stop it in the end."""
    assert CHROMIUM
    (to_browser, from_us), (from_browser, to_us) = (map(_high, os.pipe()) for _ in range(2))
    command = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--disable-background-networking", "--no-first-run", "--hide-scrollbars",
        f"--user-data-dir={folder}", "--remote-debugging-pipe",
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", ON_3_AND_4, str(to_browser), str(to_us), *command],
        pass_fds=(to_browser, to_us), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_browser)
    os.close(to_us)
    waiting = b""

    def send(message):
        os.write(from_us, json.dumps(message).encode() + b"\0")

    def receive():
        nonlocal waiting
        while b"\0" not in waiting:
            part = os.read(from_browser, 1 << 16)
            assert part, "Chromium ended"
            waiting += part
        message, waiting = waiting.split(b"\0", 1)
        return json.loads(message)

    try:
        yield Page(send, receive)
    finally:
        process.terminate()
        process.wait(20)
        os.close(from_us)
        os.close(from_browser)
