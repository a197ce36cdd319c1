#!/usr/bin/env bash
# Make a base image of Debian's own packages, for machines that cannot reach an image registry.
# usage: containers/debian_base.sh IMAGE      (as root; debootstrap and a running Docker daemon are needed)
set -euo pipefail
image=${1:?usage: containers/debian_base.sh IMAGE}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$folder/root" >"$folder/log" ||
    { tail -20 "$folder/log" >&2; exit 1; }
# Left out: what only apt needs, and this machine's own name, resolver and certificates.
rm -rf "$folder"/root/var/{cache/apt,lib/apt/lists,log}/* "$folder"/root/etc/{hostname,resolv.conf}
tar -C "$folder/root" --create . | ${DOCKER:-docker} import --message "Debian 12 and its Python, by debootstrap" - "$image"
