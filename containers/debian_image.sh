#!/usr/bin/env bash
# `make image` on a Debian machine that reaches package registries, but no image registry and not PyTorch's index:
# the base is made of Debian's packages, torch without CUDA is the wheel that this machine's pip is set up to find, and
# the build uses this machine's network and trusts whom this machine trusts.
# usage: [VARIANT=cuda] containers/debian_image.sh IMAGE
# (as root; for the variant cpu with the Makefile's environment; debootstrap is needed)
set -euo pipefail
image=${1:?usage: [VARIANT=cuda] containers/debian_image.sh IMAGE}
variant=${VARIANT:-cpu}
cd "$(dirname "$0")/.."
base=spectral-distill-base:bookworm

containers/docker_daemon.sh
${DOCKER:-docker} image inspect "$base" >/dev/null 2>&1 || containers/debian_base.sh "$base"
if [ "$variant" = cpu ]; then
    ${VENV:-.venv}/bin/pip download --quiet --no-deps --dest containers/wheels "$(grep '^torch==' requirements.lock)"
fi
make image IMAGE="$image" VARIANT="$variant" IMAGE_OPTIONS="--network host --build-arg BASE_IMAGE=$base --build-arg CPU_INDEX= \
    --secret id=certificates,src=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"
