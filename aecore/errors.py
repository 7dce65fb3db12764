"""The one exception that is meant for people."""


class UserError(Exception):
    """Something a person can mend. Its text is one sentence: what happened, and what to do.

    Pages and the command line show the text as it is and nothing else; every other exception is a bug of ours.
    """
