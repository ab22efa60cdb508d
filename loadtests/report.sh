#!/usr/bin/env bash
# Builds the server and the load tester, then measures the table that serving is judged by. Options go to `load report`.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
cargo build --release --bin cmal
cargo build --release --example load
exec "$target/release/examples/load" report --cmal "$target/release/cmal" "$@"
