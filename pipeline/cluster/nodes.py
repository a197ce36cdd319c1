"""The names that Argo gives to nodes and pods.

A node is called `<workflow>-<hash>`, where the hash is the 32-bit FNV-1a of the node's name. Its pod is called
`<workflow>-<template>-<hash>`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

_OFFSET, _PRIME = 2166136261, 16777619


@dataclass(frozen=True)
class Nodes:
    """The nodes of one Workflow that KFP's API returns.

    Attributes:
        name: Name of the Workflow; empty while the API returns no node.
        ids: Ids of the nodes.
    """

    name: str
    ids: frozenset[str]

    def id_of(self, node: str) -> str:
        """Compute the id of a node.

        Args:
            node: Name of the node, without the Workflow's name.

        Returns:
            Its id.
        """
        return f"{self.name}-{fnv1a(self.name + node)}"

    def has(self, node: str) -> bool:
        """Check whether the API returns a node.

        Args:
            node: Name of the node, without the Workflow's name.

        Returns:
            Whether the API returns it.
        """
        return self.id_of(node) in self.ids

    def attempts(self, node: str) -> list[str]:
        """List the attempts of a node with retries that the API returns.

        Args:
            node: Name of the node, without the Workflow's name.

        Returns:
            Names of the attempts, first to last.
        """
        found: list[str] = []
        while self.has(attempt := f"{node}({len(found)})"):
            found.append(attempt)
        return found

    def pod(self, template: str, node: str) -> str:
        """Compute the name of a node's pod.

        Args:
            template: Argo's template of the node.
            node: Name of the node, without the Workflow's name.

        Returns:
            The pod's name.
        """
        return f"{self.name}-{template}-{fnv1a(self.name + node)}"


def nodes_of(ids: Iterable[str]) -> Nodes:
    """Collect the nodes of one Workflow.

    Args:
        ids: Ids of the nodes.

    Returns:
        The nodes.
    """
    found = frozenset(ids)
    return Nodes(next(iter(found), "").rpartition("-")[0], found)


def fnv1a(text: str) -> int:
    """Compute the 32-bit FNV-1a hash (http://www.isthe.com/chongo/tech/comp/fnv/).

    Args:
        text: The text; its UTF-8 bytes are hashed.

    Returns:
        The hash, 0 to 2^32 - 1.
    """
    digest = _OFFSET
    for byte in text.encode():
        digest = (digest ^ byte) * _PRIME % 2**32
    return digest
