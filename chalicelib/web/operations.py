"""What a route's decorator states, in ``app.py`` and in blueprints alike."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from chalice.app import DecoratorAPI, Response

from chalicelib.errors import RosterError
from chalicelib.security.access import Rule

View = Callable[..., Response]


class Operation(NamedTuple):
    """Whom a route admits, and what its description cannot derive from method, path, rule and docstring.

    ``accepts`` and ``returns`` are names of schemas, of the body and of a successful response. ``openapi/`` resolves
    them; nothing loads a schema at run time. ``None``: the route reads no body, or its successful response has none.
    ``accepts_types`` and ``returns_types`` are the media types of a body and a successful response that are not JSON.
    A GET with ``returns_types`` returns a file, with an ``ETag``.
    ``status`` is that of a successful response. ``errors`` are those that do not follow from the method.

    A route that is ``paged`` takes ``limit``, up to this number, and ``cursor``, and returns a ``Link``. ``query`` are
    the names of its other query parameters. A route that ``locates`` returns the address of what it has created in
    ``Location``. ``section`` is where the description lists the route; by default, its rule decides.

    ``function`` is the name of the function that serves the route on AWS, if it is not that of the API: a role of its
    own, and layers (``infra/functions.py``).
    """

    allow: Rule
    accepts: str | None = "Document"
    returns: str | None = "Nothing"
    status: int = 200
    errors: Collection[type[RosterError]] = ()
    paged: int = 0
    query: Collection[str] = ()
    locates: bool = False
    section: str | None = None
    accepts_types: Collection[str] = ()
    returns_types: Collection[str] = ()
    function: str | None = None

    @property
    def binary_types(self) -> set[str]:
        """The media types of bodies that are bytes, and not text."""
        return {kind for kind in (*self.accepts_types, *self.returns_types) if not is_text(kind)}


def is_text(media_type: str) -> bool:
    """Return whether what has this media type is text."""
    return media_type.startswith("text/") or media_type.endswith("+xml")


class States(DecoratorAPI):
    """Chalice's decorators, in which a route cannot leave out ``allow``."""

    def route(  # type: ignore[override]  # stricter than Chalice's on purpose
        self, path: str, *, methods: Sequence[str], allow: Rule, authorizer: Any = None, **stated: Any
    ) -> Callable[[View], View]:
        """Register a handler for those whom ``allow`` admits. ``stated``: see ``Operation`` and Chalice's own."""
        return super().route(path, methods=methods, allow=allow, authorizer=authorizer, **stated)
