#!/usr/bin/env bash
# Serves a bundle of cmal with FastAPI: serve.sh [--model DIR] [--port N] [--workers N]. Packages are installed at the first start.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
environment=${CMAL_FASTAPI_ENV:-$here/.venv}
if [ ! -e "$environment/installed" ]; then
    {
        python3 -m venv "$environment"
        "$environment/bin/pip" install --quiet -r "$here/requirements.txt"
        touch "$environment/installed"
    } >&2
fi
# The standard output is for the server's address alone.
exec "$environment/bin/python" "$here/server.py" "$@"
