#!/usr/bin/env bash
# Builds docker/Dockerfile, holds the image against what operators rely on and starts docker/compose.yaml with it: run.sh [IMAGE]
#
# With IMAGE that one is checked and nothing is built. Needed: a Docker engine, Python 3.11 and curl. Where no registry is reached, the
# base images are made here (bases.sh), which takes root, debootstrap and some minutes once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

if ! docker version >/dev/null 2>&1; then
    echo "container: skipped, there is no Docker engine here" >&2
    exit 0
fi

if [ $# -eq 0 ]; then
    image=cmal:check
    "$here/bases.sh" docker/Dockerfile
    # Without a value, a build takes the variable from here if there is one.
    arguments=()
    for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        arguments+=(--build-arg "$variable")
    done
    arguments+=(--build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || true)")
    docker build --file docker/Dockerfile --tag "$image" "${arguments[@]}" .
else
    image=$1
fi

status=0
python3 "$here/check.py" "$image" || status=1
"$here/compose.sh" "$image" || status=1
exit $status
