"""What a compiled pipeline needs of a cluster: images, environment from Secrets and ConfigMaps, volumes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Needs:
    """What the tasks of a compiled pipeline refer to.

    Attributes:
        images: References of all images.
        objects: Kubernetes objects, each once.
        variables: Names of all environment variables that the pipeline sets in its tasks.
    """

    images: tuple[str, ...]
    objects: tuple["ObjectNeed", ...]
    variables: frozenset[str]


@dataclass(frozen=True, order=True)
class ObjectNeed:
    """A Kubernetes object that tasks refer to.

    Attributes:
        kind: Kind of the object, such as `Secret`.
        name: Name of the object.
        keys: Entries that tasks read; empty if they use the entire object.
        optional: Whether tasks run without it.
    """

    kind: str
    name: str
    keys: tuple[str, ...]
    optional: bool


def read_needs(path: Path) -> Needs:
    """Read the needs of a compiled pipeline.

    Args:
        path: A file that `read_package` has accepted.

    Returns:
        The needs of all its tasks.
    """
    spec, *platforms = yaml.safe_load_all(path.read_bytes())
    containers = [one["container"] for one in _executors(spec) if "container" in one]
    objects: dict[tuple[str, str], ObjectNeed] = {}
    variables = {entry["name"] for container in containers for entry in container.get("env", [])}
    for executor in [one for document in platforms for one in _executors(document["platforms"]["kubernetes"])]:
        for need in _objects(executor):
            objects[need.kind, need.name] = _merged(objects.get((need.kind, need.name)), need)
        for source in [*executor.get("secretAsEnv", []), *executor.get("configMapAsEnv", [])]:
            variables |= {entry["envVar"] for entry in source["keyToEnv"]}
        variables |= {entry["name"] for entry in executor.get("fieldPathAsEnv", [])}
    return Needs(
        images=tuple(sorted({container["image"] for container in containers})),
        objects=tuple(sorted(objects.values())),
        variables=frozenset(variables),
    )


def _executors(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return list(spec.get("deploymentSpec", {}).get("executors", {}).values())


def _objects(executor: dict[str, Any]) -> Iterator[ObjectNeed]:
    for entry in executor.get("secretAsEnv", []):
        keys = tuple(sorted(key["secretKey"] for key in entry["keyToEnv"]))
        yield ObjectNeed("Secret", entry["secretName"], keys, entry.get("optional", False))
    for entry in executor.get("configMapAsEnv", []):
        keys = tuple(sorted(key["configMapKey"] for key in entry["keyToEnv"]))
        yield ObjectNeed("ConfigMap", entry["configMapName"], keys, entry.get("optional", False))
    for entry in executor.get("secretAsVolume", []):
        yield ObjectNeed("Secret", entry["secretName"], (), entry.get("optional", False))
    for entry in executor.get("configMapAsVolume", []):
        yield ObjectNeed("ConfigMap", entry["configMapName"], (), entry.get("optional", False))
    for entry in executor.get("imagePullSecret", []):
        yield ObjectNeed("Secret", entry["secretName"], (), False)
    for entry in executor.get("pvcMount", []):
        yield ObjectNeed("PersistentVolumeClaim", entry["constant"], (), False)


def _merged(known: ObjectNeed | None, need: ObjectNeed) -> ObjectNeed:
    """Merge the needs of all tasks that refer to an object: it is optional only if it is for all of them."""
    if known is None:
        return need
    keys = tuple(sorted({*known.keys, *need.keys}))
    return ObjectNeed(need.kind, need.name, keys, known.optional and need.optional)
