"""What the hub says when it cannot do something: one sentence for the person in front of it, never a traceback."""


class HubError(Exception):
    """Base of every error whose message is written for the user."""


class BundleError(HubError, ValueError):
    """A bundle that cannot be trusted or understood."""


class SourceError(HubError, OSError):
    """A place that bundles come from, and that does not give one: unreachable, not there, not for us, a full disk."""


class NoBundleError(SourceError):
    """A repository that is there and has no manifest: it may be a model that an adapter knows."""


class RequestError(HubError, ValueError):
    """A request that cannot be answered as asked: what is wrong, and what would be right."""


class UnknownModelError(HubError, LookupError):
    """A model id that neither the catalog nor the disk knows."""


class ProviderError(HubError, RuntimeError):
    """An execution provider that was asked for and is not to be had on this machine."""
