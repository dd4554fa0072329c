"""The one exception family: every error a caller can see derives from UntickerError."""


class UntickerError(Exception):
    """Something could not be done; the message is one sentence for a person."""


class PageError(UntickerError):
    """One page could not be read or labelled; other pages are not affected."""


class ModelError(UntickerError):
    """A model folder is missing, damaged or made for other features."""


class OutputError(UntickerError):
    """Output cannot be written where it was asked for."""


class UsageError(UntickerError):
    """Arguments contradict each other or name something that is not there."""
