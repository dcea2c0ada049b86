"""A capability's routes and event handlers, which one line in ``app.py`` adds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import chalice.app

from chalicelib.errors import Misconfigured, RosterError
from chalicelib.security.access import Rule
from chalicelib.web import events
from chalicelib.web.api import Api
from chalicelib.web.operations import States, View
from chalicelib.web.problems import Problem
from chalicelib.web.request import Request


class Blueprint(States, chalice.app.Blueprint):
    """Chalice's blueprint, for a capability.

    ``import_name`` is the module that declares the handlers, ``chalicelib.<capability>.…``. ``section`` is where the
    API's description lists the routes. ``problems`` are the problem types of the capability's own errors.
    """

    def __init__(
        self, import_name: str, *, section: str, problems: Mapping[type[RosterError], Problem] | None = None
    ) -> None:
        super().__init__(import_name)
        self.capability = import_name.removeprefix("chalicelib.").partition(".")[0]
        self._section = section
        self._problems = problems or {}

    @property
    def request(self) -> Request:
        """The request being handled."""
        app = self.current_app
        if not isinstance(app, Api):
            raise TypeError(f"{self.capability} is not registered with Roster's app")
        return app.request

    def route(  # type: ignore[override]
        self, path: str, *, methods: Sequence[str], allow: Rule, authorizer: Any = None, **stated: Any
    ) -> Callable[[View], View]:
        """See ``States.route``."""
        return super().route(
            path, methods=methods, allow=allow, authorizer=authorizer, **{"section": self._section, **stated}
        )

    def register(self, app: chalice.app.Chalice, options: dict[str, Any]) -> None:
        """Add the capability to ``app``: its routes, event handlers and problem types."""
        if not isinstance(app, Api):
            raise TypeError(f"{self.capability} can only be registered with Roster's app")
        for error in self._problems:
            if error in app.problems or issubclass(Misconfigured, error) or issubclass(error, Misconfigured):
                raise TypeError(f"{self.capability} cannot decide which problem {error.__name__} is")
        app.capabilities.append(self.capability)
        app.problems.update(self._problems)
        super().register(app, {**options, "logs_events": True})

    def include(self, other: "Blueprint") -> None:
        """Register ``other`` together with this one. It has event handlers, and is declared in a module of its own,
        which Lambda imports instead of ``app.py``."""
        self._deferred_registrations.append(
            lambda app, options: super(Blueprint, other).register(app, {**options, "logs_events": True})
        )

    def _get_middleware_handlers(self, event_type: str) -> list[Any]:
        """A function of an event handler imports this module and not ``app.py``, so nothing registers it there."""
        return [events.logged] if event_type in events.TYPES else []
