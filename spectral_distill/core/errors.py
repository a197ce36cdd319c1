"""The one kind of error that the user can fix."""


class UserError(Exception):
    """Bad input, reported in one line: what, what was found, what was expected, what to do.

    Entry points (the CLI and every step) print the line and exit with `EXIT_CODE`. Any other exception is a bug in this
    project and keeps its traceback.

    Args:
        message: The line. Runs of white space become one blank.
    """

    EXIT_CODE = 2

    def __init__(self, message: str):
        super().__init__(" ".join(message.split()))
