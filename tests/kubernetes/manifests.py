"""The manifests under docker/kubernetes, rendered as kubectl would apply them."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docker" / "kubernetes"

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
    return [read(f"{folder}/{name}") for name in read(f"{folder}/kustomization.yaml")["resources"]]


def read(file: str) -> Any:
    """A file of the folder that has one document."""
    return yaml.safe_load((FOLDER / file).read_text())
