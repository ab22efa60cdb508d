#!/usr/bin/env bash
# Fetches ONNX Runtime out of its official Python wheel: fetch-onnxruntime.sh [--gpu] [FOLDER]
#
# The wheel is pinned by version and digest. Its library doesn't depend on any Python; a fixed wheel is named so that the one on
# this machine doesn't matter either. FOLDER is .onnxruntime unless given; nothing is fetched if this version is already there. With --gpu
# it is the build for CUDA 13 and cuDNN 9, with the CUDA provider beside the library, where the library looks for it.
set -euo pipefail

version=1.31.1
package=onnxruntime
python=311
libraries=("libonnxruntime.so.$version")
if [ "${1:-}" = --gpu ]; then
    package=onnxruntime-gpu
    python=312
    libraries+=(libonnxruntime_providers_shared.so libonnxruntime_providers_cuda.so)
    shift
fi
folder=${1:-.onnxruntime}

fail() {
    echo "fetch-onnxruntime: $1" >&2
    exit 1
}

# Names of files don't tell both the version and the build, so a note does.
note="$package $version"
complete() {
    local library
    for library in "${libraries[@]}" libonnxruntime.so; do
        [ -e "$folder/$library" ] || return 1
    done
    [ "$(cat "$folder/.fetched" 2>/dev/null)" = "$note" ]
}

if complete; then
    exit 0
fi

case "$package-$(uname -s)-$(uname -m)" in
    onnxruntime-Linux-x86_64)
        platform=manylinux_2_28_x86_64
        sha256=5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f
        ;;
    onnxruntime-Linux-aarch64)
        platform=manylinux_2_28_aarch64
        sha256=da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3
        ;;
    onnxruntime-gpu-Linux-x86_64)
        platform=manylinux_2_28_x86_64
        sha256=05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7
        ;;
    *) fail "no $package is pinned for $(uname -s) on $(uname -m): name a library of ONNX Runtime $version in CMAL_ONNXRUNTIME" ;;
esac

command -v python3 >/dev/null || fail "python3 is missing: install Python 3 with pip, or name a library of ONNX Runtime $version in CMAL_ONNXRUNTIME"
python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing: install it for $(command -v python3), on Debian with 'apt-get install python3-pip'"

mkdir -p "$folder"
# Inside the folder, so that the finished library is moved into place within one file system.
work=$(mktemp -d "$folder/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "fetching $package $version for $platform" >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" \
    --implementation cp --python-version "$python" --abi "cp$python" --platform "$platform" "$package==$version" \
    || fail "pip can't download $package $version: is the package index reachable?"

wheel=$(echo "$work"/onnxruntime*.whl)
echo "$sha256  $wheel" | sha256sum --check --status || fail "the digest of $(basename "$wheel") is not the pinned one"

python3 - "$wheel" "$work" "${libraries[@]/#/capi/}" LICENSE ThirdPartyNotices.txt <<'PYTHON'
import pathlib, sys, zipfile

wheel, folder, *names = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in names:
        pathlib.Path(folder, pathlib.Path(name).name).write_bytes(archive.read(f"onnxruntime/{name}"))
PYTHON

mv "$work/LICENSE" "$work/ThirdPartyNotices.txt" "${libraries[@]/#/$work/}" "$folder/"
ln -sfn "${libraries[0]}" "$work/link"
mv -T "$work/link" "$folder/libonnxruntime.so"
echo "$note" > "$folder/.fetched"
