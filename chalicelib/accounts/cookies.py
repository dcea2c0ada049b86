"""The refresh token in a cookie, for pages of the API's own origin, which cannot read it.

Sources: "Cookies: HTTP State Management Mechanism" (RFC 6265bis), sections 4.1 and 5.7; "OAuth 2.0 for Browser-Based
Applications", section 6.
"""

from typing import NamedTuple
from urllib.parse import urlsplit

from chalice.app import Response

from chalicelib.accounts.bodies import Body
from chalicelib.errors import Forbidden, UnsupportedMediaType
from chalicelib.web.request import JSON, Request

NAME = "__Secure-roster-refresh"
ROUTES = "/sessions"
"""Where the browser sends the cookie to: this path of the stage, and those below it."""


class RefreshCookie(NamedTuple):
    """The cookie, which lives for ``max_age`` seconds."""

    max_age: int

    def keep(self, response: Response, token: str, request: Request) -> Response:
        """Return ``response`` with the cookie, which holds ``token``."""
        return _with(response, token, self.max_age, request)

    def clear(self, response: Response, request: Request) -> Response:
        """Return ``response`` with an expired cookie, unless the request comes from a page of another origin."""
        return _with(response, "", 0, request) if _is_of_own_origin(request) else response

    def read(self, request: Request) -> str | None:
        """Return the token in the request's cookie, or ``None`` if there is none.

        Raises ``Forbidden`` and ``UnsupportedMediaType`` if the request may come from a page of another origin. Raises
        ``Forbidden`` if there is more than one cookie: another host of the domain may have set one, and which one is
        Roster's cannot be told (RFC 6265bis, section 8.6).
        """
        tokens = self.read_all(request)
        if len(tokens) > 1:
            raise Forbidden(f"There are several cookies named {NAME}: delete the cookies of this site.")
        return tokens[0] if tokens else None

    def read_all(self, request: Request) -> list[str]:
        """Return the tokens in all cookies of the name. Raises what ``require_own_origin`` raises."""
        pairs = (pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";"))
        tokens = [value for name, _, value in pairs if name == NAME and value]
        if tokens:
            require_own_origin(request)
        return tokens


def wants_cookie(body: Body, request: Request) -> bool:
    """Return whether the body asks for the refresh token in a cookie. Raises what ``require_own_origin`` raises."""
    wanted = body.flag("cookie")
    if wanted:
        require_own_origin(request)
    return wanted


def require_own_origin(request: Request) -> None:
    """Raise ``Forbidden`` or ``UnsupportedMediaType`` if the request may come from a page of another origin.

    Browsers send ``Origin`` with every request but GET and HEAD, and send a JSON content type to another origin only
    after a preflight ("Fetch", WHATWG). What is not a browser need not send ``Origin``.
    """
    if request.media_type != JSON:
        raise UnsupportedMediaType(f"Send the cookie with Content-Type: {JSON}.")
    if not _is_of_own_origin(request):
        raise Forbidden("Only pages of the API's own origin can use the cookie.")


def _is_of_own_origin(request: Request) -> bool:
    parts = urlsplit(request.address())
    return request.headers.get("origin") in (None, f"{parts.scheme}://{parts.netloc}")


def _with(response: Response, value: str, max_age: int, request: Request) -> Response:
    attributes = f"Path={request.path_to(ROUTES)}; Max-Age={max_age}; HttpOnly; Secure; SameSite=Strict"
    response.headers["Set-Cookie"] = f"{NAME}={value}; {attributes}"
    return response
