#!/usr/bin/env bash
# Fuzzes a server by its contract with schemathesis: run.sh [--cmal PATH] [--models DIR] [--contract FILE] [--seed N] [--examples N]
#
# Starts --cmal, or builds it, on a free port of this machine with the bundle in --models, and asks it by the contract that it gives, or by
# the one in FILE: twice, since the second server wants a key. Each operation gets --examples in a phase, beside those of the contract;
# they follow from the seed, which is told. Exits with 1 if an answer is a fault or none that the contract has, if the server took what it
# should refuse, refused what it should take or let a stranger in, and if it ended or logged an error.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
# Seconds until a server is ready, and for a pass: more than either takes unless something hangs.
ready_within=120
pass_within=1800

cmal=
models=$root/models
contract=
seed=$((RANDOM * 32768 + RANDOM))
examples=50

fail() {
    echo "schemathesis: $1" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || fail "$1 needs a value"
    case "$1" in
        --cmal) cmal=$(realpath "$2") ;;
        --models) models=$(realpath "$2") ;;
        --contract) contract=$(realpath "$2") ;;
        --seed) seed=$2 ;;
        --examples) examples=$2 ;;
        *) fail "$1 is no option: they are --cmal, --models, --contract, --seed and --examples" ;;
    esac
    shift 2
done

work=$(mktemp -d)
server=
fuzzer=
stop() {
    for process in $fuzzer $server; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    server=
    fuzzer=
}
trap 'stop; rm -rf "$work"' EXIT
# A signal ends the script at once, with what it has started, because nothing is waited for in the foreground.
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -z "$cmal" ]; then
    (cd "$root" && docker/fetch-onnxruntime.sh && cargo build --release --bin cmal)
    cmal=$target/release/cmal
fi

# The pinned packages in a folder of their own, put there whole so that an installation that fails leaves nothing half done.
python=$(python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
packages=$target/tmp/schemathesis-$(sha256sum "$here/requirements.txt" | cut -c 1-16)-$python
if [ ! -d "$packages" ]; then
    mkdir -p "$target/tmp"
    aside=$(mktemp -d "$target/tmp/.schemathesis.XXXXXX")
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target "$aside" -r "$here/requirements.txt" \
        || { rm -rf "$aside"; fail "pip can't install the pinned packages: is the package index reachable?"; }
    # Another run may have been faster.
    mv -T "$aside" "$packages" 2>/dev/null || rm -rf "$aside"
fi

# Starts a server with further options and leaves its address in $address.
start() {
    # In the root, where the server finds the ONNX Runtime that was fetched.
    exec {said}< <(cd "$root" && exec "$cmal" serve --models "$models" --bind 127.0.0.1:0 --ops-bind off "$@" 2>"$work/log")
    server=$!
    if ! read -r -t "$ready_within" -u "$said" address || ! curl --silent --fail --output /dev/null --retry "$ready_within" \
        --retry-delay 1 --retry-max-time "$ready_within" "$address/health/ready"; then
        cat "$work/log" >&2
        fail "the server does not get ready"
    fi
}

# A pass against that server with further options of schemathesis.
found=0
pass() {
    (
        cd "$work"
        export PYTHONPATH=$packages:$here PYTHONDONTWRITEBYTECODE=1
        exec timeout --kill-after 30 "$pass_within" \
            python3 "$packages/bin/schemathesis" --config-file "$here/schemathesis.toml" run "${contract:-$address/openapi.json}" \
            --url "$address" --seed "$seed" --max-examples "$examples" "$@"
    ) &
    fuzzer=$!
    wait "$fuzzer" || found=1
    fuzzer=
    if ! kill -0 "$server" 2>/dev/null || grep -F ' ERROR ' "$work/log" >&2; then
        tail -n 20 "$work/log" >&2
        echo "schemathesis: the server ended or logged an error" >&2
        found=1
    fi
    stop
}

echo "schemathesis: seed $seed" >&2
start
pass
"$cmal" key fuzzer >"$work/keys" 2>"$work/key"
start --api-keys "$work/keys"
CMAL_FUZZ_KEYED=1 pass --header "Authorization: Bearer $(cat "$work/key")"
exit "$found"
