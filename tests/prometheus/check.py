"""Checks what needs no server: the dashboard's panels, and that every alert is tested and explained. python3 tests/prometheus/check.py

`--rules FILE` also writes the dashboard's expressions as recording rules, so that `promtool check rules FILE` parses each of them.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dashboard

ALERTS = dashboard.ROOT / "docker/prometheus/alerts.yml"
GUIDE = dashboard.ROOT / "docker/guides/trouble.md"
TESTS = sorted(Path(__file__).parent.glob("*_test.yml"))

COLUMNS = 24
UNITS = {"short", "reqps", "ops", "percentunit", "s", "bytes"}
# They show what is true of everything that Prometheus knows, whichever servers are chosen.
GLOBAL = ("ALERTS{", "cmal:objective:")


def wrong_panels(board: dict[str, Any]) -> Iterator[str]:
    """What a reader of the dashboard would miss or stumble over."""
    every = list(dashboard.panels(board)) + [panel for panel in board["panels"] if panel["type"] == "row"]
    for what in ("id", "title"):
        for value, count in Counter(panel[what] for panel in every).items():
            if count > 1:
                yield f"{count} panels have the {what} {value!r}"
    for panel in dashboard.panels(board):
        title = panel["title"]
        if not panel.get("description", "").endswith("."):
            yield f"{title}: no sentence describes it"
        if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
            yield f"{title}: its unit is none of {', '.join(sorted(UNITS))}"
        if panel["datasource"].get("uid") != "${datasource}":
            yield f"{title}: its data source can't be chosen"
        yield from wrong_targets(title, panel["targets"], panel["type"] == "table")
    yield from wrong_places(every)


def wrong_targets(title: str, targets: list[dict[str, Any]], is_table: bool) -> Iterator[str]:
    if not targets:
        yield f"{title}: it asks for nothing"
    if len({target["refId"] for target in targets}) < len(targets):
        yield f"{title}: two queries have the same refId"
    for target in targets:
        if not target.get("legendFormat") and not is_table:
            yield f"{title}: a query has no legend"
        if "$instance" not in target["expr"] and not target["expr"].startswith(GLOBAL) and "(ALERTS{" not in target["expr"]:
            yield f"{title}: a query asks about servers that were not chosen"


def wrong_places(every: list[dict[str, Any]]) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for panel in every:
        at = panel["gridPos"]
        if at["x"] < 0 or at["x"] + at["w"] > COLUMNS or min(at["w"], at["h"]) < 1:
            yield f"{panel['title']}: it lies outside of the {COLUMNS} columns"
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                other = taken.setdefault((x, y), panel["title"])
                if other != panel["title"]:
                    yield f"{panel['title']}: it covers {other}"
                    return


def wrong_variables(board: dict[str, Any]) -> Iterator[str]:
    known = dashboard.chosen(board).keys() | dashboard.BUILT_IN.keys()
    used = set(re.findall(r"\$\{?([A-Za-z_]\w*)", json.dumps([board["panels"], board["annotations"]])))
    for name in sorted(used - known):
        yield f"the variable ${name} is not defined"
    for name in sorted(dashboard.chosen(board).keys() - used):
        yield f"the variable ${name} is not used"


def wrong_alerts() -> Iterator[str]:
    """Each alert needs a test in which it fires, one in which it doesn't, and a section of the guide that its annotation leads to."""
    alerts = dict(re.findall(r"- alert: (\w+)\n(.*?)(?=\n\s*(?:#|- alert:)|\Z)", ALERTS.read_text(), re.DOTALL))
    if not alerts:
        yield f"{ALERTS.name} has no alert"
    tests = "".join(file.read_text() for file in TESTS)
    headings = set(re.findall(r"^#+ (\w+)$", GUIDE.read_text(), re.MULTILINE))
    for name, rule in alerts.items():
        for key in ("severity", "summary", "description", "runbook_url"):
            if f"{key}:" not in rule:
                yield f"{name} has no {key}"
        if not re.search(rf"runbook_url: \S+/trouble\.md#{name.lower()}\s", rule + "\n"):
            yield f"{name} leads to another section than its own"
        if name not in headings:
            yield f"{GUIDE.name} has no section {name}"
        outcomes = re.findall(rf"alertname: {name}\n\s+eval_time: \w+\n\s+exp_alerts:( \[\])?", tests)
        for outcome, what in (("", "fires"), (" []", "doesn't fire")):
            if outcome not in outcomes:
                yield f"no test has {name} in a state in which it {what}"
    for name in sorted(set(re.findall(r"^## (Cmal\w+)$", GUIDE.read_text(), re.MULTILINE)) - alerts.keys()):
        yield f"{GUIDE.name} explains {name}, which is no alert"


def rules(board: dict[str, Any]) -> str:
    lines = ["groups:", "  - name: dashboard", "    rules:"]
    for number, expression in enumerate(dashboard.expressions(board, dashboard.BUILT_IN)):
        lines += [f"      # {expression.place}", f"      - record: dashboard:expression:{number}"]
        # A JSON string is a YAML string.
        lines.append(f"        expr: {json.dumps(expression.text)}")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rules", type=Path, metavar="FILE", help="write the dashboard's expressions as rules")
    options = parser.parse_args()
    board = dashboard.load()
    wrong = [*wrong_panels(board), *wrong_variables(board), *wrong_alerts()]
    if wrong:
        sys.exit("\n".join(wrong))
    if options.rules:
        options.rules.write_text(rules(board))
    print(f"{len(list(dashboard.panels(board)))} panels are complete, every alert is tested and explained")


if __name__ == "__main__":
    main()
