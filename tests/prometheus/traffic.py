"""A little of everything that the API takes, again and again, so that every stage and cache has something to tell."""

from __future__ import annotations

import base64
import itertools
import json
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

# Between two requests: enough for the rates to be seen, little enough for a machine that is busy with other things.
PAUSE = 0.02
TIMEOUT = 30

# The tokens of "a red square" for the text graph of models/shapes.
TENSORS = {
    "inputs": [
        {"name": "tokens", "datatype": "INT64", "shape": [1, 5], "data": [2, 11, 163, 200, 3]},
        {"name": "token_mask", "datatype": "BOOL", "shape": [1, 5], "data": [True] * 5},
    ]
}


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        return json.load(answer)


class Traffic(threading.Thread):
    """Asks until it is stopped; what was not answered as it should be is in `failure`."""

    def __init__(self, url: str, pictures: list[Path]) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.pictures = [{"base64": base64.b64encode(path.read_bytes()).decode()} for path in pictures]
        self.answers = 0
        self.failure: str | None = None
        self.stopping = threading.Event()

    def run(self) -> None:
        try:
            for picture in itertools.cycle(self.pictures):
                for path, body in self.requests(picture):
                    if self.stopping.wait(PAUSE):
                        return
                    post(self.url + path, body)
                    self.answers += 1
        except urllib.error.HTTPError as error:
            self.failure = f"{error.url} answered {error.code}: {error.read().decode(errors='replace')}"
        except OSError as error:
            self.failure = f"a request failed: {error}"

    def stop(self) -> None:
        self.stopping.set()
        self.join(TIMEOUT)

    def requests(self, picture: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
        kept = {"id": post(self.url + "/v1/images", {"image": picture})["id"]}
        queries = [
            {"task": "vqa", "question": "How many circles are there?"},
            {"task": "grounding", "expression": "the red circle"},
            {"task": "match", "text": "A red square."},
        ]
        return [
            ("/v1/vqa", {"image": picture, "question": "What colour is the circle?"}),
            ("/v1/entailment", {"image": picture, "hypothesis": "There is a red circle."}),
            ("/v1/grounding", {"image": kept, "expression": "the large square"}),
            ("/v1/match", {"image": picture, "text": "a red circle"}),
            ("/v1/objects", {"image": picture}),
            ("/v1/associations", {"image": picture, "text": "a red circle"}),
            ("/v1/query", {"image": kept, "queries": queries}),
            ("/v2/models/shapes.text/infer", TENSORS),
        ]
