#!/usr/bin/env bash
# Checks the rules, the alerts and the dashboard, without a server and with one: run.sh [--cmal PATH]
#
# Needs promtool and prometheus (Debian's package `prometheus`), and Python 3 with venv and the package index. Without --cmal the server is
# built. The live part takes about a minute and a half; everything runs on free ports of this machine.
set -euo pipefail
cd "$(dirname "$0")/../.."

cmal=
fail() {
    echo "tests/prometheus/run.sh: $1" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case "$1" in
        --cmal)
            [ $# -ge 2 ] || fail "--cmal needs the path of a server"
            cmal=$(realpath "$2")
            shift 2
            ;;
        *) fail "there is no option $1; the only one is --cmal PATH" ;;
    esac
done

for tool in promtool prometheus python3; do
    command -v "$tool" >/dev/null || fail "$tool is missing: on Debian, apt-get install prometheus python3"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

promtool check config docker/prometheus/prometheus.yml
for tests in tests/prometheus/*_test.yml; do
    promtool test rules "$tests"
done
python3 tests/prometheus/check.py --rules "$work/dashboard.yml"
promtool check rules "$work/dashboard.yml"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/prometheus/requirements.txt
"$work/venv/bin/python" tests/prometheus/schema.py

if [ -z "$cmal" ]; then
    "${CARGO:-cargo}" build --release --bin cmal
    cmal=$(realpath "${CARGO_TARGET_DIR:-target}/release/cmal")
fi
python3 tests/prometheus/live.py --cmal "$cmal"
