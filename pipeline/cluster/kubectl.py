"""What kubectl can see, where this machine has it: objects of a namespace and the names of their entries."""

import shutil
import subprocess

_LIMIT_S = 10
# Names only: what a Secret holds never comes to this machine.
_KEYS = 'go-template={{range $key, $value := .data}}{{$key}}{{"\\n"}}{{end}}'


def reach(namespace: str) -> str | None:
    """Why kubectl cannot read this namespace; None if it can."""
    if shutil.which("kubectl") is None:
        return "kubectl is not installed here"
    asked = _kubectl("get", "namespace", namespace, "--output", "name")
    return None if asked.returncode == 0 else f"kubectl cannot read namespace {namespace} ({_reason(asked)})"


def keys_of(kind: str, name: str, namespace: str) -> frozenset[str] | None:
    """Names of an object's entries, empty for a kind that has none; None if there is no such object.

    Raises:
        PermissionError: kubectl may not look.
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
