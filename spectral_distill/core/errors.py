"""The one kind of error that is the user's to mend."""


class UserError(Exception):
    """Bad input, told in one line: the thing, what was found, what was expected, what to do.

    Entry points (the CLI and every step) print the line and exit with `EXIT_CODE`. Any other exception is
    a fault of ours and keeps its traceback.
    """

    EXIT_CODE = 2

    def __init__(self, message: str):
        super().__init__(" ".join(message.split()))
