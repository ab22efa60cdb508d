#!/usr/bin/env bash
# Provides the base images that Dockerfiles name, under their own tags: bases.sh DOCKERFILE…
#
# An image that is not there is pulled. Where no registry is reached it is made here, so that a Dockerfile is built as it stands:
# Debian's of Debian's packages, Rust's of that and this machine's own toolchain. Such an image also gets what this machine needs to reach
# its package indexes: sources and proxies of apt, the index of pip, cargo's settings, certificates. Of what it is made of tells its
# label `cmal.made-here`; `docker image rm` it to have the published one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

fail() {
    echo "bases: $1" >&2
    exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The images that no stage of the same file has made.
named() {
    awk 'toupper($1) == "FROM" { if (!($2 in made) && $2 !~ /\$/) print $2; if (toupper($3) == "AS") made[$4] }' "$@"
}

provide() {
    local image=$1
    if docker image inspect "$image" >/dev/null 2>&1; then
        return
    fi
    if timeout 900 docker pull --quiet "$image" >/dev/null 2>"$work/pull"; then
        return
    fi
    echo "bases: $image can't be pulled and is made here: $(tail -n 1 "$work/pull")" >&2
    case $image in
        debian:bookworm-*-slim) "$here/base-debian.sh" "$image" ;;
        rust:*-slim-bookworm)
            provide "$debian"
            "$here/base-rust.sh" "$image" "$debian"
            ;;
        *) fail "$image can't be pulled, and there is no way to make it here" ;;
    esac
}

images=$(named "$@" | sort -u)
debian=$(grep -m 1 '^debian:' <<<"$images") || fail "no Dockerfile names an image of Debian"
for image in $images; do
    provide "$image"
done
