"""What every refusal of bad input looks like."""


def one_line(stderr: str) -> str:
    """The refusal on stderr: the last line and the only error. Libraries may have talked before."""
    lines = stderr.rstrip("\n").split("\n")
    assert "Traceback" not in stderr
    assert lines[-1].startswith("error: "), stderr
    assert sum(line.startswith("error: ") for line in lines) == 1
    return lines[-1]
