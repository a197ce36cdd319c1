"""Read Kubernetes objects with kubectl, if this machine has it: which exist, and the names of their entries."""

import shutil
import subprocess

_LIMIT_S = 10
# Names only: the values of a Secret never reach this machine.
_KEYS = 'go-template={{range $key, $value := .data}}{{$key}}{{"\\n"}}{{end}}'


def reach(namespace: str) -> str | None:
    """Check whether kubectl can read a namespace.

    Args:
        namespace: The namespace.

    Returns:
        Why it cannot, or None if it can.
    """
    if shutil.which("kubectl") is None:
        return "kubectl is not installed here"
    asked = _kubectl("get", "namespace", namespace, "--output", "name")
    return None if asked.returncode == 0 else f"kubectl cannot read namespace {namespace} ({_reason(asked)})"


def keys_of(kind: str, name: str, namespace: str) -> frozenset[str] | None:
    """List the names of an object's entries.

    Args:
        kind: Kind of the object, such as `Secret`.
        name: Name of the object.
        namespace: Its namespace.

    Returns:
        The names, empty for a kind without entries; None if the object does not exist.

    Raises:
        PermissionError: kubectl may not read the object.
    """
    asked = _kubectl("get", kind.lower(), name, "--namespace", namespace, "--output", _KEYS)
    if asked.returncode == 0:
        return frozenset(asked.stdout.split())
    if "NotFound" in asked.stderr:
        return None
    raise PermissionError(_reason(asked))


def _kubectl(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["kubectl", *arguments, f"--request-timeout={_LIMIT_S}s"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _reason(asked: subprocess.CompletedProcess[str]) -> str:
    lines = asked.stderr.strip().splitlines()
    return lines[-1][:200] if lines else f"exit code {asked.returncode}"
