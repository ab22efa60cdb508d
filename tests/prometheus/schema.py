"""Holds the dashboard against Grafana's own schema: python schema.py, with what requirements.txt names.

Grafana Labs publishes the schema as models of every kind of panel. A field that they don't know does not come back when the dashboard has
been read by them and written again, so a misspelt one, or an option of another kind of panel, is told by its path. Values are not judged.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

# The schema leaves the first to the data source; the second is what Grafana itself writes beside a variable's query.
BEYOND = {("annotations", "titleFormat"), ("templating", "definition")}


def lost(given: Any, kept: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of what stands in `given` and not in `kept`."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            if name in kept:
                yield from lost(value, kept[name], (*path, name))
            elif (path[:1] + (name,)) not in BEYOND:
                yield (*path, name)
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for place, (one, other) in enumerate(zip(given, kept)):
            yield from lost(one, other, (*path, str(place)))
    elif given != kept:
        yield path


def read_and_written(board: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))


def main() -> int:
    register_default_plugins()
    board = dashboard.load()
    # A check that finds nothing in a dashboard with a mistake would find nothing in any.
    broken = dashboard.load()
    next(dashboard.panels(broken))["options"]["no such option"] = 1
    if not list(lost(broken, read_and_written(broken))):
        print("the models keep what the schema doesn't have: this check finds nothing", file=sys.stderr)
        return 1
    wrong = [".".join(path) for path in lost(board, read_and_written(board))]
    for path in wrong:
        print(f"{dashboard.FILE.name}: {path} is not in Grafana's schema", file=sys.stderr)
    print(f"{sum(1 for _ in dashboard.panels(board))} panels held against Grafana's schema: {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
