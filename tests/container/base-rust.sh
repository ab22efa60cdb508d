#!/usr/bin/env bash
# Makes an image like Rust's published slim one, of an image of Debian and this machine's toolchain: base-rust.sh IMAGE DEBIAN
set -euo pipefail
image=$1
debian=$2

fail() {
    echo "base-rust: $1" >&2
    exit 1
}

wanted=${image#rust:}
wanted=${wanted%%-*}
have=$(rustc --version | cut -d ' ' -f 2) || fail "there is no Rust here: install $wanted"
[ "$have" = "$wanted" ] || fail "the image is to have Rust $wanted, this machine has $have"
toolchain=$(rustc --print sysroot)
if [ "$toolchain" = /usr ] || ! [ -x "$toolchain/bin/cargo" ]; then
    fail "$toolchain is no toolchain in a folder of its own"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/toolchain/bin" "$work/cargo"
cp --archive "$toolchain"/bin/{cargo,rustc} "$work/toolchain/bin/"
cp --archive "$toolchain/lib" "$work/toolchain/"
for settings in "${CARGO_HOME:-$HOME/.cargo}"/config{,.toml}; do
    if [ -f "$settings" ]; then
        cp "$settings" "$work/cargo/"
    fi
done

cat >"$work/Dockerfile" <<DOCKERFILE
FROM $debian
LABEL cmal.made-here="the toolchain of this machine"
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY toolchain /usr/local/rustup/toolchains/$wanted
COPY cargo /usr/local/cargo
RUN mkdir -p /usr/local/cargo/bin && ln -s /usr/local/rustup/toolchains/$wanted/bin/* /usr/local/cargo/bin/
ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo RUST_VERSION=$wanted \\
    PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
$(env | grep -E '^CARGO_(HTTP|NET)_[A-Z_]+=' | sed 's/^/ENV /' || true)
DOCKERFILE
docker build --quiet --tag "$image" "$work" >/dev/null
