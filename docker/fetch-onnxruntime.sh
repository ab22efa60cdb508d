#!/usr/bin/env bash
# Fetches ONNX Runtime out of its official Python wheel: fetch-onnxruntime.sh [FOLDER]
#
# The wheel is pinned by version and digest. Its library doesn't depend on any Python; a fixed wheel is named so that the one on
# this machine doesn't matter either. FOLDER is .onnxruntime unless given; nothing is fetched if the library is already there.
set -euo pipefail

version=1.31.1
folder=${1:-.onnxruntime}
library=libonnxruntime.so.$version

fail() {
    echo "fetch-onnxruntime: $1" >&2
    exit 1
}

if [ -f "$folder/$library" ] && [ -e "$folder/libonnxruntime.so" ]; then
    exit 0
fi

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64)
        platform=manylinux_2_28_x86_64
        sha256=5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f
        ;;
    Linux-aarch64)
        platform=manylinux_2_28_aarch64
        sha256=da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3
        ;;
    *) fail "no library is pinned for $(uname -s) on $(uname -m): name one of ONNX Runtime $version in CMAL_ONNXRUNTIME" ;;
esac

command -v python3 >/dev/null || fail "python3 is missing: install Python 3 with pip, or name a library of ONNX Runtime $version in CMAL_ONNXRUNTIME"
python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing: install it for $(command -v python3), on Debian with 'apt-get install python3-pip'"

mkdir -p "$folder"
# Inside the folder, so that the finished library is moved into place within one file system.
work=$(mktemp -d "$folder/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "fetching ONNX Runtime $version for $platform" >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" \
    --implementation cp --python-version 3.11 --abi cp311 --platform "$platform" "onnxruntime==$version" \
    || fail "pip can't download onnxruntime $version: is the package index reachable?"

wheel=$(echo "$work"/onnxruntime-*.whl)
echo "$sha256  $wheel" | sha256sum --check --status || fail "the digest of $(basename "$wheel") is not the pinned one"

python3 - "$wheel" "$work" "capi/$library" LICENSE ThirdPartyNotices.txt <<'PYTHON'
import pathlib, sys, zipfile

wheel, folder, *names = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in names:
        pathlib.Path(folder, pathlib.Path(name).name).write_bytes(archive.read(f"onnxruntime/{name}"))
PYTHON

mv "$work/LICENSE" "$work/ThirdPartyNotices.txt" "$folder/"
mv "$work/$library" "$folder/$library"
ln -sfn "$library" "$work/link"
mv -T "$work/link" "$folder/libonnxruntime.so"
