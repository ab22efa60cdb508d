"""Whether the rule of the Prometheus adapter gives the autoscaler's metric, tried by promtool where there is one."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

Manifest = dict[str, Any]

SERIES = "cmal_stage_queue_seconds_bucket"


def disagreements(rule: Manifest, autoscaler: Manifest, root: Path) -> list[str]:
    found = []
    (metric,) = autoscaler["spec"]["metrics"]
    named = rule["name"]["as"]
    if metric["pods"]["metric"]["name"] != named:
        found.append(f"the rule gives {named}, which is not what the autoscaler asks for")
    if not re.fullmatch(rule["name"]["matches"], SERIES) or not rule["seriesQuery"].startswith(SERIES + "{"):
        found.append(f"the rule is not about {SERIES}")
    if '"stage_queue_seconds"' not in (root / "src/metrics.rs").read_text():
        found.append("the server has no metric stage_queue_seconds")
    return found


def promtool_says(rule: Manifest) -> str | None:
    """What promtool finds wrong with the query, on a pod with work in two stages and one without; nothing if it is right."""
    query = rule["metricsQuery"]
    for name, text in {
        "<<.Series>>": SERIES,
        "<<.LabelMatchers>>": 'namespace="cmal",pod=~"busy|idle"',
        "<<.GroupBy>>": "pod",
    }.items():
        query = query.replace(name, text)

    def series(pod: str, stage: str, bound: str, values: str) -> dict[str, str]:
        labels = f'namespace="cmal",pod="{pod}",stage="{stage}",le="{bound}"'
        return {"series": f"{SERIES}{{{labels}}}", "values": values}

    quick = [series("busy", "text", bound, "0+30x20") for bound in ("0.01", "1", "+Inf")]
    # Nine tenths of what waited a second at most waited 0.9 s at most, for all that a histogram knows.
    slow = [series("busy", "fusion", bound, "0+30x20") for bound in ("1", "+Inf")]
    idle = [series("idle", "fusion", bound, "5x20") for bound in ("0.01", "1", "+Inf")]
    expected = [{"labels": '{pod="busy"}', "value": 0.9}, {"labels": '{pod="idle"}', "value": 0}]
    test = {
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": quick + slow + idle,
                "promql_expr_test": [{"expr": query, "eval_time": "5m", "exp_samples": expected}],
            }
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        # JSON is YAML.
        file = Path(folder, "test.yml")
        file.write_text(json.dumps(test))
        done = subprocess.run(
            ["promtool", "test", "rules", str(file)], check=False, capture_output=True, text=True, timeout=60
        )
    return None if done.returncode == 0 else (done.stdout + done.stderr).strip()


def has_promtool() -> bool:
    return shutil.which("promtool") is not None
