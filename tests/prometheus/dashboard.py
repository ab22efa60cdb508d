"""What is read of the dashboard: its panels, its expressions with the variables filled in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "docker/grafana/dashboards/cmal.json"

# Variables that Grafana fills in by itself, as it would for an hour on a wide screen.
BUILT_IN = {"__rate_interval": "1m", "__interval": "15s", "__range": "1h"}


class Expression(NamedTuple):
    """One query, and where it stands."""

    place: str
    text: str


def load() -> dict[str, Any]:
    return json.loads(FILE.read_text())


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel but the rows, those inside collapsed rows too."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def chosen(dashboard: dict[str, Any]) -> dict[str, str]:
    """The variables' values when nothing is chosen: all servers, all routes."""
    return {variable["name"]: variable.get("allValue", "") for variable in dashboard["templating"]["list"]}


def filled(text: str, values: dict[str, str]) -> str:
    """The longest name first: `$__rate_interval` begins like no other, but one day a name may."""
    for name in sorted(values, key=len, reverse=True):
        text = text.replace("${" + name + "}", values[name]).replace("$" + name, values[name])
    return text


def expressions(dashboard: dict[str, Any], built_in: dict[str, str]) -> Iterator[Expression]:
    """Every query of panels and annotations, ready to be sent to Prometheus."""
    values = chosen(dashboard) | built_in
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield Expression(panel["title"], filled(target["expr"], values))
    for annotation in dashboard["annotations"]["list"]:
        yield Expression(annotation["name"], filled(annotation["expr"], values))
