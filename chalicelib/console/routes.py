"""The routes of the console: its page, and the files that the page loads.

What serves them is imported with the first request: other requests and cold starts do not pay for it.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from chalice.app import Response

from chalicelib.console.settings import ConsoleSettings
from chalicelib.errors import NotFound
from chalicelib.security.access import ANYONE
from chalicelib.web.blueprint import Blueprint

if TYPE_CHECKING:
    from chalicelib.console.files import Files


def blueprint(environ: Mapping[str, str]) -> Blueprint:
    """Return the routes."""
    settings = ConsoleSettings.from_environ(environ)
    console = Blueprint(__name__, section="Console")

    @cache
    def files() -> "Files":
        from chalicelib.console.files import Files

        return Files(settings)

    @console.route("/console", methods=["GET"], allow=ANYONE, returns=None, returns_types=["text/html"])
    def get_console() -> Response:
        """Return the console, a page for people. It calls the routes of this API."""
        return files().page(console.request)

    @console.route(
        "/console/{version}/{file}",
        methods=["GET"],
        allow=ANYONE,
        returns=None,
        returns_types=["image/svg+xml", "text/css", "text/javascript"],
        errors=[NotFound],
    )
    def get_console_file(version: str, file: str) -> Response:
        """Return a file that the console loads. The page names the version, which changes with any of its files."""
        return files().asset(console.request, version, file)

    return console
