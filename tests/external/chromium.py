"""Chromium without a head, spoken to over its debugging pipe: nothing but Python's own library."""

import base64
import fcntl
import json
import os
import subprocess
import tempfile


class Chromium:
    """A browser with one page."""

    def __init__(self, width=1280, height=800):
        self.profile = tempfile.TemporaryDirectory()
        commands, answers = os.pipe(), os.pipe()
        # The browser reads from file 3 and writes to file 4. Both ends go out of the way of these numbers first.
        reads, writes = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (commands[0], answers[1]))

        def hand_over():
            os.dup2(reads, 3)
            os.dup2(writes, 4)

        arguments = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
        # Containers have a small /dev/shm.
        arguments += ["--disable-dev-shm-usage", "--no-first-run", f"--user-data-dir={self.profile.name}", "about:blank"]
        self.process = subprocess.Popen(
            arguments, preexec_fn=hand_over, pass_fds=(3, 4), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        for end in (reads, writes):
            os.close(end)
        self.commands, self.answers = os.fdopen(commands[1], "wb"), os.fdopen(answers[0], "rb")
        self.number, self.rest, self.session, self.complaints = 0, b"", None, []
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.profile.cleanup()

    def call(self, method, **params):
        """Calls a method of the protocol and waits for its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.commands.write(json.dumps(message).encode() + b"\0")
        self.commands.flush()
        return self.wait(lambda answer: answer.get("id") == self.number)

    def wait(self, is_it):
        """The first message that it is; what the page complains of on the way is kept."""
        while True:
            answer = self.receive()
            kind, params = answer.get("method"), answer.get("params", {})
            entry = params.get("entry", {})
            if kind == "Runtime.exceptionThrown":
                self.complaints.append(params["exceptionDetails"])
            if kind == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
                self.complaints.append(params["args"])
            if kind == "Log.entryAdded" and entry["level"] in ("error", "warning"):
                self.complaints.append(entry)
            if is_it(answer):
                assert "error" not in answer, answer
                return answer.get("result", {})

    def receive(self):
        while b"\0" not in self.rest:
            read = os.read(self.answers.fileno(), 1 << 20)
            assert read, "chromium is gone"
            self.rest += read
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def open(self, path):
        """Opens a file, and waits until all of it is there."""
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        self.wait(lambda answer: answer.get("method") == "Page.loadEventFired")

    def ask(self, expression):
        """The value of an expression of JavaScript, as JSON has it."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self, path):
        """What is seen of the page, as PNG."""
        shot = self.call("Page.captureScreenshot", format="png")["data"]
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot))

    def dark(self, is_dark):
        """Prefers dark or light."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
