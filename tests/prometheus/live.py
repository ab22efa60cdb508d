"""Has a real Prometheus scrape a real server under load and reads rules, alerts and dashboard through it: live.py --cmal PATH

In good health every rule evaluates, every panel has data or a reason to have none, and no alert fires. When the server is told to
stop, it is reported as not ready, and when it has ended, as down.
"""

from __future__ import annotations

import argparse
import math
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dashboard
from processes import PATIENCE, Failure, Prometheus, Server, until
from traffic import Traffic

CONFIGURATION = dashboard.ROOT / "docker/prometheus"
# Scrapes under load before anything is read: enough for each rate.
SCRAPES = 25
# What a minute of `for` lasts, in seconds: five are longer than Prometheus takes to find its targets.
MINUTE = 3
# How long the server answers after it was told to stop: "not ready" must be seen meanwhile.
GRACE_MS = 15_000
BUILT_IN = {"__rate_interval": "15s", "__interval": "5s", "__range": "1m"}
STEP = 5
# Panels without data in good health, with the reason.
EMPTY = {
    "Alerts over time": "no alert was pending or firing",
    "Version switched": "no version was switched",
}


def once(pattern: str, replacement: str, text: str) -> str:
    changed, count = re.subn(pattern, replacement, text)
    if count != 1:
        raise Failure(f"{pattern!r} stands {count} times in the configuration, and once was expected")
    return changed


def configure(folder: Path, target: str) -> Path:
    """The shipped configuration with this target, short times to fire, and without a promise about a busy machine's speed."""
    main = (CONFIGURATION / "prometheus.yml").read_text()
    main = once(r"- cmal:8081\b", f"- {target}", main)
    for interval in ("scrape_interval", "evaluation_interval"):
        main = once(rf"{interval}: \w+", f"{interval}: 1s", main)
    (folder / "prometheus.yml").write_text(main)
    alerts = (CONFIGURATION / "alerts.yml").read_text()
    alerts = re.sub(r"\bfor: (\d+)m\b", lambda found: f"for: {int(found[1]) * MINUTE}s", alerts)
    (folder / "alerts.yml").write_text(alerts)
    recording = (CONFIGURATION / "recording.yml").read_text()
    recording = once(r"(p99_seconds\n\s+expr: )vector\(0.5\)", r"\g<1>vector(30)", recording)
    (folder / "recording.yml").write_text(recording)
    return folder / "prometheus.yml"


def has_data(series: dict[str, Any]) -> bool:
    return any(math.isfinite(float(value)) for _, value in series.get("values") or [series["value"]])


def complain(wrong: list[str]) -> None:
    if wrong:
        raise Failure("\n".join(wrong))


def check_rules(prometheus: Prometheus) -> None:
    rules = until("every rule is evaluated", lambda: all_evaluated(prometheus.rules()))
    wrong = []
    for rule in rules:
        if rule["health"] != "ok":
            wrong.append(f"the rule {rule['name']} can't be evaluated: {rule.get('lastError')}")
        elif rule["type"] == "recording" and not any(map(has_data, prometheus.query(rule["name"]))):
            wrong.append(f"the rule {rule['name']} records nothing under load")
    complain(wrong)
    print(f"{len(rules)} rules evaluate without error, and every recording rule has data")


def all_evaluated(rules: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    return rules if all(rule["health"] != "unknown" for rule in rules) else None


def check_dashboard(prometheus: Prometheus, begun: float) -> None:
    board, empty = dashboard.load(), []
    expressions = list(dashboard.expressions(board, BUILT_IN))
    for expression in expressions:
        found = prometheus.get("query_range", query=expression.text, start=begun, end=time.time(), step=STEP)["result"]
        if not any(map(has_data, found)):
            empty.append(expression)
    complain([f"{one.place!r} has no data under load: {one.text}" for one in empty if one.place not in EMPTY])
    for expression in empty:
        print(f"  no data in {expression.place!r}: {EMPTY[expression.place]}")
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            check_variable(prometheus, variable["query"]["query"], begun, dashboard.chosen(board))
    print(f"{len(expressions) - len(empty)} of the dashboard's {len(expressions)} queries have data")


def check_variable(prometheus: Prometheus, query: str, begun: float, values: dict[str, str]) -> None:
    asked = re.fullmatch(r"label_values\((.+), (\w+)\)", dashboard.filled(query, values))
    if not asked:
        raise Failure(f"the variable's query {query} asks for something else than the values of a label")
    if not prometheus.get(f"label/{asked[2]}/values", **{"match[]": asked[1], "start": begun}):
        raise Failure(f"the variable's query {query} finds nothing")


def check_health(prometheus: Prometheus, begun: float) -> None:
    seconds = math.ceil(time.time() - begun) + 1
    fired = prometheus.query(f'count_over_time(ALERTS{{alertstate="firing"}}[{seconds}s])')
    if fired:
        raise Failure(f"in good health these alerts fired: {[series['metric'] for series in fired]}")
    print(f"no alert fired in {seconds} s of load")


def check_under_load(prometheus: Prometheus, traffic: Traffic, begun: float) -> None:
    traffic.start()
    scraped = f'count_over_time(up{{job="cmal"}}[10m]) >= {SCRAPES}'
    until("Prometheus scrapes the server", lambda: traffic.failure or prometheus.query(scraped))
    if not traffic.failure:
        check_rules(prometheus)
        check_dashboard(prometheus, begun)
    traffic.stop()
    if traffic.failure:
        raise Failure(traffic.failure)
    check_health(prometheus, begun)
    print(f"{traffic.answers} requests were answered meanwhile")


def check_end(prometheus: Prometheus, server: Server) -> None:
    server.child.send_signal(signal.SIGTERM)
    until("CmalNotReady fires", lambda: prometheus.fires("CmalNotReady"))
    until("the server ends", lambda: server.child.poll() is not None)
    if server.child.returncode != 0:
        raise Failure(f"the server ended with {server.child.returncode}:\n{server.log.read_text()}")
    until("CmalDown fires", lambda: prometheus.fires("CmalDown"))
    print("a server that stops is told as not ready, one that has ended as down")


def check(options: argparse.Namespace, folder: Path) -> None:
    drawn = [options.cmal, "world", "--out", folder / "scenes", "--scenes", "6", "--seed", "9"]
    subprocess.run(drawn, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE)
    pictures = sorted((folder / "scenes/images").iterdir())
    serve: list[str | Path] = [options.cmal, "serve", "--models", dashboard.ROOT / "models", "--model", "shapes"]
    serve += ["--bind", "127.0.0.1:0", "--ops-bind", "127.0.0.1:0", "--grace-ms", str(GRACE_MS), "--log-format", "json"]
    with Server(serve, folder) as server:
        begun = time.time()
        scrape: list[str | Path] = ["prometheus", "--config.file", configure(folder, server.ops), "--log.format", "json"]
        scrape += ["--storage.tsdb.path", folder / "data", "--web.listen-address", "127.0.0.1:0"]
        with Prometheus(scrape, folder) as prometheus:
            check_under_load(prometheus, Traffic(server.url, pictures), begun)
            check_end(prometheus, server)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cmal", type=Path, required=True, metavar="PATH", help="the server to run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            check(options, Path(folder))
        except Failure as failure:
            sys.exit(f"live.py: {failure}")


if __name__ == "__main__":
    main()
