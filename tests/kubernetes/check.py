"""Checks the manifests under docker/kubernetes; run.sh installs what this needs."""

import sys

import adapter
import consistency
import schemas
from manifests import ROOT, files, read, render, renderer

OVERLAYS = ("cpu", "cuda", "kserve")


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

    (rule,) = read("prometheus-adapter.yaml")["rules"]["custom"]
    autoscaler = read("base/horizontalpodautoscaler.yaml")
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
