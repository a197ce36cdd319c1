#!/usr/bin/env bash
# Start a Docker daemon where none answers, and wait until it does. As root, with dockerd installed.
set -euo pipefail
docker=${DOCKER:-docker}
if $docker info >/dev/null 2>&1; then exit; fi

log=$(mktemp --suffix=.dockerd.log)
setsid dockerd >"$log" 2>&1 </dev/null &
for _ in $(seq 60); do
    if $docker info >/dev/null 2>&1; then exit; fi
    sleep 1
done
tail -20 "$log" >&2
echo "error: dockerd does not answer within a minute; its log is $log" >&2
exit 1
