"""A container of the image under test, by the command line of the Docker engine."""

import json
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self


def docker(*arguments: str) -> str:
    """What a command of the engine prints; one that fails ends the check."""
    done = run(*arguments)
    if done.returncode != 0:
        raise SystemExit(f"docker {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, timeout=300)


def until(met: Callable[[], bool], seconds: float, pause: float = 0.01) -> bool:
    """Whether something is met in time."""
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


class Container:
    """Created, not started; removed at the end of its `with`."""

    def __init__(self, image: str, *options: str) -> None:
        # Free ports of the loopback interface alone.
        ports = ["--publish", "127.0.0.1::8080", "--publish", "127.0.0.1::8081"]
        self.id = docker("create", *ports, *options, image)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(run("logs", self.id).stderr)
        docker("rm", "--force", self.id)

    def start(self) -> None:
        docker("start", self.id)

    def address(self, port: int) -> str:
        return docker("port", self.id, str(port)).splitlines()[0]

    def run(self, *command: str) -> tuple[int, str]:
        """Exit code and output of a command in the container."""
        done = run("exec", self.id, *command)
        return done.returncode, (done.stdout + done.stderr).strip()

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(docker("inspect", "--format", "{{json .State}}", self.id))
        return state

    def started_at(self) -> float:
        """When its process was started, as `time.time()` tells it."""
        started = docker("inspect", "--format", "{{.State.StartedAt}}", self.id)
        # The engine writes nanoseconds, Python reads microseconds.
        return datetime.fromisoformat(started[:26] + "+00:00").timestamp()

    def written(self) -> list[str]:
        """What was changed in the container's own file system."""
        return docker("diff", self.id).splitlines()

    def peak_memory(self) -> int:
        """The most memory that the container ever held, page cache included."""
        files = "/sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes"
        _, output = self.run("sh", "-c", f"cat {files} 2>/dev/null")
        return int(output)
