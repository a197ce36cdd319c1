"""Argo's names of nodes and pods, as it makes them.

A node is called `<workflow>-<hash>`, the hash being 32-bit FNV-1a over the node's name; its pod is called
`<workflow>-<template>-<hash>`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

_OFFSET, _PRIME = 2166136261, 16777619


@dataclass(frozen=True)
class Nodes:
    """The nodes of one Workflow that KFP's API names, by id. `name` is empty where it names none yet."""

    name: str
    ids: frozenset[str]

    def id_of(self, node: str) -> str:
        """Id of the node of this name, the Workflow's own name left out."""
        return f"{self.name}-{fnv1a(self.name + node)}"

    def has(self, node: str) -> bool:
        """Whether the API names this node."""
        return self.id_of(node) in self.ids

    def attempts(self, node: str) -> list[str]:
        """Names of the attempts of a node that can be repeated, as far as there are any."""
        found: list[str] = []
        while self.has(attempt := f"{node}({len(found)})"):
            found.append(attempt)
        return found

    def pod(self, template: str, node: str) -> str:
        """Name of the pod of a node."""
        return f"{self.name}-{template}-{fnv1a(self.name + node)}"


def nodes_of(ids: Iterable[str]) -> Nodes:
    """The nodes with these ids, all of one Workflow."""
    found = frozenset(ids)
    return Nodes(next(iter(found), "").rpartition("-")[0], found)


def fnv1a(text: str) -> int:
    """32-bit FNV-1a."""
    digest = _OFFSET
    for byte in text.encode():
        digest = (digest ^ byte) * _PRIME % 2**32
    return digest
