#!/usr/bin/env bash
# Holds the manifests under docker/kubernetes against the schemas of their kinds, against each other and against the code.
#
# Needed: Python 3.11 with venv and the package index; kubectl or kustomize to render the overlays, without which only their parts are checked;
# promtool, without which the autoscaler's query is not tried.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
# The models of KServe's kinds need none of what its server needs.
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps kserve==0.21.0
"$venv/bin/python" "$here/check.py"
