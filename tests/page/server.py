"""Servers that the check starts, and requests past the browser."""

import json
import os
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def started(binary: Path, *options: str | Path) -> Iterator[str]:
    """The address of a server of its own on a free port, which may still be loading its model."""
    command = [binary, "serve", "--bind", "127.0.0.1:0", "--ops-bind", "off", "--grace-ms", "0", *options]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            address = process.stdout.readline().strip()
            if not address:
                log.seek(0)
                raise SystemExit(f"{binary} did not start:\n{log.read()}")
            yield address
        finally:
            process.terminate()
            process.wait(timeout=60)


def new_key(binary: Path, file: Path) -> str:
    """Adds an API key to a file of keys."""
    made = subprocess.run([binary, "key", "page"], capture_output=True, check=True, text=True)
    with file.open("a") as lines:
        lines.write(made.stdout)
    return made.stderr.strip()


def told(command: str, key: str | None = None) -> Any:
    """What the server answers to a command that the page shows."""
    environment = os.environ | ({"CMAL_KEY": key} if key else {})
    ran = subprocess.run(["bash", "-c", command], capture_output=True, check=True, text=True, env=environment)
    return json.loads(ran.stdout)


def forget(address: str, picture: str) -> None:
    urllib.request.urlopen(urllib.request.Request(f"{address}/v1/images/{picture}", method="DELETE")).close()


def contract(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}/openapi.json") as answer:
        return json.load(answer)
