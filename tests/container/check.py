"""Holds an image of the server against what operators rely on: check.py IMAGE

Starts containers of it on free ports of this machine and prints a table. The exit code is 1 if a limit is missed.
"""

import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from client import TASKS, Scenes, Server, load, right_answers
from engine import Container, docker, until

MEGABYTE = 10**6
MEBIBYTE = 2**20

# What a container can do without.
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


@dataclass(frozen=True)
class Row:
    """What was measured, beside what was promised."""

    name: str
    measured: str
    promised: str
    kept: bool


class Table:
    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, name: str, measured: str, promised: str, kept: bool) -> None:
        self.rows.append(Row(name, measured, promised, kept))

    def show(self) -> bool:
        """Prints the table; whether everything was kept."""
        name = max(len(row.name) for row in self.rows)
        measured = max(len(row.measured) for row in self.rows)
        for row in self.rows:
            print(f"{'ok' if row.kept else 'MISSED':6}  {row.name:{name}}  {row.measured:{measured}}  {row.promised}")
        return all(row.kept for row in self.rows)


def check_image(table: Table, image: str) -> None:
    facts = json.loads(docker("image", "inspect", image))[0]
    size = facts["Size"] / MEGABYTE
    table.add("image size", f"{size:.1f} MB", "160 MB at most", size <= 160)
    user = facts["Config"]["User"].partition(":")[0]
    table.add("user of the image", user, "a number that is not 0", user.isdigit() and int(user) > 0)
    labels = facts["Config"]["Labels"] or {}
    version = docker("run", "--rm", image, "--version").split()[-1]
    labelled = labels.get("org.opencontainers.image.version", "none")
    table.add("version in the labels", labelled, f"{version}, as of the program", labelled == version)


def seconds_to_ready(container: Container) -> float:
    """Starts it and waits until it is ready; counted from the start of its process."""
    container.start()
    server = Server(container.address(8080))
    if not until(server.ready, 60):
        raise SystemExit(f"the server is not ready after 60 s: {container.state()}")
    ready = time.time()
    return ready - container.started_at()


def check_start(table: Table, image: str) -> None:
    # The quickest of three, so that it tells of the server and not of what else the machine does.
    seconds = []
    for _ in range(3):
        with Container(image, *HARDENED) as container:
            seconds.append(seconds_to_ready(container))
    table.add("start to ready", f"{min(seconds):.2f} s", "2 s at most", min(seconds) <= 2)


def check_service(table: Table, image: str, scenes: Scenes) -> None:
    """Requests of every kind, probes and the end, with nothing to write to."""
    with Container(image, *HARDENED) as container:
        seconds_to_ready(container)
        server, ops = Server(container.address(8080)), Server(container.address(8081))
        memory = ops.metric("process_resident_memory_bytes") / MEGABYTE
        table.add("idle memory", f"{memory:.0f} MB", "250 MB at most", memory <= 250)
        _, user = container.run("id", "-u")
        table.add("user of the process", user, "not 0", user.isdigit() and user != "0")
        code, _ = container.run("touch", "/opt/cmal/models/new")
        table.add("read-only root", "nothing can be written" if code else "can be written", "nothing", code != 0)

        for task in TASKS:
            right = right_answers(server, scenes, task)
            enough = sum(right) >= 0.75 * len(right)
            table.add(task.name, f"{sum(right)} of {len(right)} right", "three quarters at least", enough)

        code, said = container.run("cmal", "health")
        table.add("cmal health", said, "exit code 0", code == 0)
        # The engine asks for the first time after the interval of the image.
        until(lambda: container.state()["Health"]["Status"] == "healthy", 30, pause=0.2)
        health = container.state()["Health"]["Status"]
        table.add("health check", health, "healthy", health == "healthy")

        # The engine kills what has not ended by then.
        grace = 25
        started = time.monotonic()
        docker("stop", "--time", str(grace), container.id)
        seconds, code = time.monotonic() - started, container.state()["ExitCode"]
        ended = f"exit code {code} after {seconds:.1f} s"
        table.add("SIGTERM", ended, f"0 within {grace} s", code == 0 and seconds < grace)


def check_memory(table: Table, image: str, scenes: Scenes) -> None:
    """Under load, with a memory limit and with stores that it can fill."""
    limit, kept = 512 * MEBIBYTE, 64 * MEBIBYTE
    memory = ("--memory", str(limit), "--memory-swap", str(limit), "--env", f"CMAL_IMAGES_BYTES={kept}")
    # A home that it could write to: the telemetry of ONNX Runtime would leave files there.
    with Container(image, *memory, "--env", "HOME=/tmp") as container:
        seconds_to_ready(container)
        server = Server(container.address(8080))
        statuses = load(server, scenes, seconds=15, callers=8, kept_bytes=MEBIBYTE)
        answers = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
        # 201 is for a picture that is kept, 429 for one request too many.
        answered = statuses[200] > 0 and set(statuses) <= {200, 201, 429}
        table.add("answers under load", answers, "200, 201 or 429", answered)
        peak, state = container.peak_memory(), container.state()
        alive = state["Running"] and not state["OOMKilled"]
        measured = f"peak {peak // MEBIBYTE} MiB, {'alive' if alive else 'killed'}"
        table.add("memory under load", measured, f"{limit // MEBIBYTE} MiB, alive", alive and peak <= limit)
        images = server.metric('cmal_cache_bytes{cache="images"}') / MEBIBYTE
        promised = f"over half of {kept // MEBIBYTE} MiB, no more"
        table.add("pictures kept", f"{images:.0f} MiB", promised, kept / 2 <= images * MEBIBYTE <= kept)
        written = container.written()
        table.add("files written", f"{len(written)} with {written[-1]}" if written else "none", "none", not written)


def main(image: str) -> int:
    table = Table()
    check_image(table, image)
    with tempfile.TemporaryDirectory() as folder:
        user = f"{os.getuid()}:{os.getgid()}"
        drawn = ("world", "--out", "/drawn/scenes", "--scenes", "4", "--seed", "9")
        docker("run", "--rm", "--user", user, "--volume", f"{folder}:/drawn", image, *drawn)
        scenes = Scenes(Path(folder, "scenes"))
        check_start(table, image)
        check_service(table, image, scenes)
        check_memory(table, image, scenes)
    return 0 if table.show() else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: check.py IMAGE")
    sys.exit(main(sys.argv[1]))
