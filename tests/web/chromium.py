"""A real browser, driven over a pipe in its own protocol (CDP): no driver, no port, no package."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time

CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync --no-proxy-server --remote-debugging-pipe"
).split()
_LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execvp(sys.argv[3], sys.argv[3:])"
)


class Chromium:
    """One headless browser process."""

    def __init__(self, profile):
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out)]
        command = [sys.executable, "-c", _LAUNCH, *map(str, ends), CHROMIUM, *_FLAGS, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(command, pass_fds=ends, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in (theirs_in, theirs_out, *ends):
            os.close(end)
        self._last, self._rest, self.events = 0, b"", []

    def close(self):
        """Ends the process."""
        self._process.terminate()
        self._process.wait(10)
        os.close(self._in)
        os.close(self._out)

    def call(self, method, session=None, **params):
        """One command and its result; events that come meanwhile are kept."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        wanted = self._last
        return self.until(lambda each: each.get("id") == wanted).get("result", {})

    def until(self, fits, seconds=30):
        """Reads on until a message fits."""
        ends = time.monotonic() + seconds
        while True:
            while b"\0" not in self._rest:
                ready, _, _ = select.select([self._in], [], [], max(0, ends - time.monotonic()))
                assert ready, "the browser does not answer"
                self._rest += os.read(self._in, 1 << 20)
            line, _, self._rest = self._rest.partition(b"\0")
            message = json.loads(line)
            if "id" not in message:
                self.events.append(message)
            if fits(message):
                assert "error" not in message, message
                return message


class Tab:
    """A fresh, private tab of its own size and colours."""

    def __init__(self, browser, *, width=1200, height=900, dark=False):
        self._browser = browser
        self._context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=self._context)["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 500)  # fmt: skip

    def close(self):
        """Closes it with everything it kept."""
        self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)

    def call(self, method, **params):
        """A command for this tab."""
        return self._browser.call(method, self._session, **params)

    def open(self, url):
        """Loads a page to its end."""
        self.after(lambda: self.call("Page.navigate", url=url))

    def after(self, moving):
        """Does what leads to another page, and waits until that is loaded."""
        self._browser.events.clear()
        moving()
        if not self._events("Page.loadEventFired"):
            self._browser.until(lambda each: each.get("method") == "Page.loadEventFired")

    def run(self, script):
        """The value of a script, awaited."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key):
        """One key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=9)

    def picture(self, *, height):
        """A PNG of the top of the page."""
        clip = {"x": 0, "y": 0, "width": self.run("innerWidth"), "height": height, "scale": 1}
        return base64.b64decode(self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"])

    @property
    def complaints(self):
        """Everything the console shows: errors, warnings, refused by the policy, dialogs."""
        logged = [each["entry"]["text"] for each in self._events("Log.entryAdded")]
        thrown = [each["exceptionDetails"]["text"] for each in self._events("Runtime.exceptionThrown")]
        said = [str(each["args"]) for each in self._events("Runtime.consoleAPICalled")]
        return logged + thrown + said + [each["message"] for each in self._events("Page.javascriptDialogOpening")]

    @property
    def requested(self):
        """Every address that was asked for."""
        return [each["request"]["url"] for each in self._events("Network.requestWillBeSent")]

    def _events(self, method):
        return [each["params"] for each in self._browser.events
                if each["method"] == method and each.get("sessionId") == self._session]  # fmt: skip
