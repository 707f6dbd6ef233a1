"""What export says when it will not write a bundle."""

from hub.errors import HubError


class ExportError(HubError):
    """A bundle that cannot be written as asked: one plain sentence, what is wrong and what would be right.

    The command line prints it and exits with status 2; a traceback is for our own bugs only.
    """
