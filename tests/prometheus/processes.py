"""The two programs that are tested together, each on free ports, with its log in a file."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import dashboard

# More than anything here takes, on any machine.
PATIENCE = 120


class Failure(Exception):
    """What is wrong, a sentence a line."""


def until(what: str, condition: Callable[[], Any]) -> Any:
    """The first truthy value of `condition`."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.2)
    raise Failure(f"{what}: not within {PATIENCE} s")


class Process:
    """A program that writes JSON lines to its log; ended when this is left."""

    def __init__(self, command: list[str | Path], folder: Path) -> None:
        self.name = Path(command[0]).name
        self.log, self.out = folder / f"{self.name}.log", folder / f"{self.name}.out"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CMAL_") or name == "CMAL_ONNXRUNTIME"}
        with self.log.open("wb") as log, self.out.open("wb") as out:
            self.child = subprocess.Popen(command, cwd=dashboard.ROOT, env=kept, stdout=out, stderr=log)
        try:
            self.started()
        except BaseException:
            self.end()
            raise

    def started(self) -> None:
        """Waits until the program can be used."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        if self.child.poll() is None:
            self.child.terminate()
        try:
            self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def logged(self, message: str) -> str:
        """The address in the log's line that says `message`."""
        return until(f"{self.name} logs {message!r}", lambda: self.address_in_log(message))

    def answers(self, url: str) -> bool:
        """Whether this is answered with 200."""
        self.runs()
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                return answer.status == 200
        except OSError:
            return False

    def runs(self) -> None:
        if self.child.poll() is not None:
            raise Failure(f"{self.name} ended with {self.child.returncode}:\n{self.log.read_text()}")

    def address_in_log(self, message: str) -> str | None:
        self.runs()
        # The last line may be half written; what ends a program is no JSON.
        for line in self.log.read_text().split("\n")[:-1]:
            entry = json.loads(line) if line.startswith("{") else {}
            entry = entry.get("fields", entry)
            if message in (entry.get("message"), entry.get("msg")):
                return entry["address"]
        return None


class Server(Process):
    """`cmal serve`, ready."""

    def started(self) -> None:
        self.ops = self.logged("ops listener ready")
        until("the server is ready", lambda: self.answers(f"http://{self.ops}/health/ready"))
        self.url = self.out.read_text().strip()


class Prometheus(Process):
    """Prometheus and its HTTP API."""

    def started(self) -> None:
        self.address = self.logged("Listening on")
        until("Prometheus is ready", lambda: self.answers(f"http://{self.address}/-/ready"))

    def get(self, path: str, **parameters: Any) -> Any:
        """The data of an answer."""
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Failure(f"Prometheus refuses {parameters}: {json.load(error)['error']}") from error

    def query(self, expression: str) -> list[dict[str, Any]]:
        return self.get("query", query=expression)["result"]

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]

    def fires(self, alert: str) -> bool:
        alerts = self.get("alerts")["alerts"]
        return any(one["labels"]["alertname"] == alert and one["state"] == "firing" for one in alerts)
