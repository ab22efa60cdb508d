#!/usr/bin/env bash
# Makes an image of Debian bookworm like the published slim one: base-debian.sh IMAGE. Needs root and debootstrap.
set -euo pipefail
image=$1
release=bookworm

fail() {
    echo "base-debian: $1" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "only root can lay out a file system: run it as root"
command -v debootstrap >/dev/null || fail "debootstrap is missing: install it with 'apt-get install debootstrap'"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# This machine's own sources, if it has any for this release.
sources=$(apt-get indextargets --format "deb \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" 'Created-By: Packages' 2>/dev/null \
    | awk -v release="$release" '$3 ~ "^" release && $4 == "main"' | sort -u)
if ! grep -q " $release main$" <<<"$sources"; then
    sources="deb http://deb.debian.org/debian $release main
deb http://deb.debian.org/debian $release-updates main
deb http://deb.debian.org/debian-security $release-security main"
fi
mirror=$(awk -v release="$release" '$3 == release { print $2; exit }' <<<"$sources")

echo "base-debian: unpacking $release from $mirror, some minutes" >&2
debootstrap --variant=minbase "$release" "$root" "$mirror" >"$work/log" 2>&1 || fail "debootstrap failed: $(tail -n 1 "$work/log")"

# What the published slim image leaves out.
rm -rf "$root"/usr/share/{doc,groff,info,lintian,locale,man}/* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin \
    "$root"/var/cache/apt/archives/*.deb "$root"/var/log/*

echo "$sources" >"$root/etc/apt/sources.list"
apt-config dump | grep -Ei '^Acquire::https?::.*(Proxy|CAInfo|Verify)' >"$root/etc/apt/apt.conf.d/90indexes" || true

# ca-certificates takes what lies there when it is installed.
certificates=$root/usr/local/share/ca-certificates/indexes
bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
if [ -r "$bundle" ]; then
    mkdir -p "$certificates"
    awk -v folder="$certificates" '/BEGIN CERTIFICATE/ { n += 1 } n { print > (folder "/" n ".crt") }' "$bundle"
fi

pip() {
    python3 -m pip config get "global.$1" 2>/dev/null || python3 -m pip config get ":env:.$1" 2>/dev/null
}
{
    echo "[global]"
    for setting in index-url extra-index-url trusted-host proxy timeout; do
        if value=$(pip "$setting"); then
            echo "$setting = $value"
        fi
    done
} >"$root/etc/pip.conf"

tar --create --directory "$root" . \
    | docker import --change 'CMD ["bash"]' --change "LABEL cmal.made-here=debootstrap" - "$image" >/dev/null
