#!/usr/bin/env bash
# Fail with one line where this machine's client cannot build with BuildKit, which the Containerfile needs.
# usage: DOCKER=docker containers/can_build.sh
set -euo pipefail
docker=${DOCKER:-docker}

if ! command -v ${docker%% *} >/dev/null; then
    echo "error: make image: found no command $docker; install Docker or Podman, or name one: make image DOCKER=podman" >&2
    exit 2
fi
# Docker 20.10 and Podman bring BuildKit or Buildah along. From 23 on, Docker only has it through its plugin buildx,
# without which not even the help can be shown.
if ! DOCKER_BUILDKIT=1 $docker build --help >/dev/null 2>&1; then
    echo "error: make image: $(command -v ${docker%% *}) ($($docker --version)) cannot use BuildKit: expected its plugin" \
        "buildx; install it (docker-buildx-plugin, or docker-buildx), or name another client: make image DOCKER=PATH" >&2
    exit 2
fi
