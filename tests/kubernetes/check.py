"""Checks the manifests under docker/kubernetes; run.sh installs what this needs."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

import adapter
import consistency
import schemas

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docker" / "kubernetes"
OVERLAYS = ("cpu", "cuda", "kserve")

Manifest = dict[str, Any]


def renderer() -> list[str] | None:
    """The command that renders an overlay."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    return None


def render(command: list[str], overlay: str) -> list[Manifest]:
    done = subprocess.run([*command, str(FOLDER / overlay)], check=False, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        sys.exit(f"{overlay}: {done.stderr.strip()}")
    return list(yaml.safe_load_all(done.stdout))


def files(folder: str) -> list[Manifest]:
    """The whole manifests in a folder, without patches and kustomize's own files."""
    names = yaml.safe_load((FOLDER / folder / "kustomization.yaml").read_text())["resources"]
    return [yaml.safe_load((FOLDER / folder / name).read_text()) for name in names if name.endswith(".yaml")]


def main() -> int:
    wrong: list[str] = []
    command = renderer()
    sets = (
        {name: render(command, name) for name in OVERLAYS}
        if command
        else {name: files(name) for name in ("base", "kserve")}
    )
    for name, manifests in sets.items():
        for manifest in manifests:
            said = schemas.complaints(manifest)
            wrong += [f"{name}: {manifest['kind']}: {line}" for line in said]
            print(f"{'WRONG' if said else 'ok':5}  {name:6}  {manifest['apiVersion']} {manifest['kind']}")
        if command:
            wrong += [f"{name}: {line}" for line in consistency.disagreements(manifests, ROOT)]
    if not command:
        print("left   overlays: neither kustomize nor kubectl is here, so only their parts were checked")

    (rule,) = yaml.safe_load((FOLDER / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    autoscaler = yaml.safe_load((FOLDER / "base" / "horizontalpodautoscaler.yaml").read_text())
    wrong += adapter.disagreements(rule, autoscaler, ROOT)
    if not adapter.has_promtool():
        print("left   the autoscaler's query: promtool is not here")
    elif said := adapter.promtool_says(rule):
        wrong.append(said)
    else:
        print("ok     the autoscaler's query, by promtool")

    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
