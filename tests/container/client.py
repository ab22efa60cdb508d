"""Asks the server in the container about drawn scenes, whose truth is known."""

import base64
import http.client
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Server:
    """A server at HOST:PORT."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str) -> tuple[int, str]:
        return self._ask("GET", path, None)

    def post(self, path: str, body: Json) -> tuple[int, Json]:
        status, text = self._ask("POST", path, json.dumps(body))
        return status, json.loads(text)

    def ready(self) -> bool:
        try:
            return self.get("/health/ready")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def metric(self, name: str) -> float:
        """The value of a metric that has this name and labels."""
        lines = self.get("/metrics")[1].splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))

    def _ask(self, method: str, path: str, body: str | None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.request(method, path, body, {"content-type": "application/json"} if body else {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


class Scenes:
    """A dataset folder as `cmal world` writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def records(self, kind: str) -> Iterator[Json]:
        for line in (self.folder / f"{kind}.jsonl").read_text().splitlines():
            yield json.loads(line)

    def picture(self, record: Json, appended: bytes = b"") -> Json:
        """A picture as requests carry it; bytes after its end make it another one that looks the same."""
        content = (self.folder / "images" / record["image"]).read_bytes() + appended
        return {"base64": base64.b64encode(content).decode()}


def overlap(ours: Json, theirs: list[float]) -> float:
    """Intersection over union of two boxes."""
    x, y, width, height = theirs
    across = min(ours["x"] + ours["width"], x + width) - max(ours["x"], x)
    down = min(ours["y"] + ours["height"], y + height) - max(ours["y"], y)
    shared: float = max(across, 0) * max(down, 0)
    return shared / float(ours["width"] * ours["height"] + width * height - shared)


def found(answer: Json, record: Json) -> bool:
    """Whether a box is the one that was referred to, or none where nothing was."""
    if "box" not in record:
        return bool(answer["present"] < 0.5)
    return answer["present"] >= 0.5 and overlap(answer["box"], record["box"]) >= 0.5


@dataclass(frozen=True)
class Task:
    """How a task is asked with the records of a dataset folder."""

    name: str
    records: str
    text: str
    field: str
    right: Callable[[Json, Json], bool]


TASKS = (
    Task("vqa", "vqa", "question", "question", lambda answer, record: answer["answer"] in record["answers"]),
    Task(
        "entailment",
        "entailment",
        "hypothesis",
        "hypothesis",
        lambda answer, record: answer["label"] == record["label"],
    ),
    Task("grounding", "referring", "expression", "expression", found),
    Task("match", "captions", "caption", "text", lambda answer, _: answer["scores"][0][0] >= 0.5),
)


def right_answers(server: Server, scenes: Scenes, task: Task) -> list[bool]:
    """Whether each record of a task was answered rightly. A refusal ends the check."""
    right = []
    for record in scenes.records(task.records):
        asked = {"image": scenes.picture(record), task.field: record[task.text]}
        status, answer = server.post(f"/v1/{task.name}", asked)
        if status != 200:
            raise SystemExit(f"/v1/{task.name} answers {status}: {answer.get('detail')}")
        right.append(task.right(answer, record))
    return right


def load(server: Server, scenes: Scenes, seconds: float, callers: int, kept_bytes: int) -> Counter[int]:
    """Answers by status while new pictures are asked about and left in the server, which keeps `kept_bytes` of each.

    A connection that breaks counts as status 0.
    """
    statuses: Counter[int] = Counter()
    end = time.monotonic() + seconds
    questions = list(scenes.records("vqa"))

    def ask() -> None:
        for turn in range(10**9):
            if time.monotonic() > end:
                return
            record = questions[turn % len(questions)]
            try:
                if turn % 4 == 0:
                    status, _ = server.post("/v1/images", {"image": scenes.picture(record, os.urandom(kept_bytes))})
                else:
                    picture = scenes.picture(record, os.urandom(16))
                    status, _ = server.post("/v1/vqa", {"image": picture, "question": record["question"]})
            except (OSError, http.client.HTTPException):
                status = 0
            statuses[status] += 1

    threads = [threading.Thread(target=ask) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses
