"""Separate a step's own log lines from those of KFP.

KFP's launcher and driver log with glog (`I1128 07:16:19.123456       1 launcher_v2.go:206] publish success.`), and
KFP's SDK prints a few lines around the step's. Both dump JSON over many lines. Other lines in the SDK's format come
from libraries, because the SDK configures Python's logging.
"""

import re
from collections.abc import Iterable, Iterator

_GLOG = re.compile(r"(?P<level>[IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [\w.-]+:\d+\] (?P<message>.*)")
_SDK = re.compile(
    r"\[KFP Executor [^\]]*\]: (Looking for component|Loading KFP component|Got executor_input|Wrote executor output|"
    r"Did not write output|--component_module_path)"
)
_EXIT_STATUS = re.compile(r"exit status \d+$")
_DRIVER_CALL = re.compile(r"^KFP driver: driver\.\w+\(.*?\) failed: ")
_QUIET_LEVELS, _ERROR_LEVELS = "IW", "EF"
_REASON_LENGTH = 300


def own_lines(lines: Iterable[str]) -> Iterator[str]:
    """Remove the lines that KFP's launcher and SDK print.

    The launcher's errors stay, because the step cannot report them: a signal that ended it, a failed upload.

    Args:
        lines: Lines of a pod's log.

    Yields:
        The step's own lines, and the launcher's errors.
    """
    dump, after_kfp = False, False
    for line in lines:
        if dump or (after_kfp and line == "{"):
            dump, after_kfp = line != "}", False
            continue
        after_kfp = _is_kfps(line)
        dump = after_kfp and line.endswith("{")
        if not after_kfp:
            yield line


def driver_reason(lines: Iterable[str]) -> str:
    """Find the last error that a driver logged.

    A long error is cut at its beginning, because Go puts the cause at the end.

    Args:
        lines: Lines of a driver's log.

    Returns:
        The error in at most 302 characters.
    """
    errors = [found["message"] for line in lines if (found := _GLOG.match(line)) and found["level"] in _ERROR_LEVELS]
    reason = _DRIVER_CALL.sub("", errors[-1]) if errors else "its log names no error"
    return reason if len(reason) <= _REASON_LENGTH else f"… {reason[-_REASON_LENGTH:]}"


def _is_kfps(line: str) -> bool:
    found = _GLOG.match(line)
    if found is None:
        return _SDK.match(line) is not None
    return found["level"] in _QUIET_LEVELS or _EXIT_STATUS.search(found["message"]) is not None
