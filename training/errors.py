"""The one exception class that means "the person at the keyboard can fix this"."""


class TrainingError(Exception):
    """A mistake or missing thing that the user can put right.

    The message is one plain sentence: what is wrong, and what would be right. The command line prints it and exits
    with code 2; a traceback is for our own bugs only.
    """
