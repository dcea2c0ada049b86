"""The API's description as a page to read and to try it on, for a browser on this machine.

Swagger UI, of the three well-known viewers: Redoc's free edition sends no requests, and Scalar's package takes its
script from a CDN. It stands on an origin of its own, as the pages of the API's users do, and is no part of the app.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, Response
from flask_swagger_ui import get_swaggerui_blueprint
from werkzeug.serving import make_server

from embedded.processes import HOST

LOOKS = {
    "app_name": "Roster",
    "layout": "BaseLayout",  # without the bar that loads any other description
    "tryItOutEnabled": True,
    "displayRequestDuration": True,
    "defaultModelsExpandDepth": 0,
    "validatorUrl": None,  # else it shows the description to a service on the Internet
}


@contextmanager
def served(port: int, api: str) -> Iterator[str]:
    """Serve the page for the API at ``api`` until the context ends; yields the page's address."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server(HOST, port, _page(api), threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="page", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _page(api: str) -> Flask:
    flask = Flask("roster")
    flask.register_blueprint(get_swaggerui_blueprint("", f"{api}/openapi.json", LOOKS))

    @flask.after_request
    def fence(response: Response) -> Response:
        """Nothing comes from, and no token goes to, anybody but this page and the API."""
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
            f"img-src 'self' data:; connect-src 'self' {api}; frame-ancestors 'none'"
        )
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return flask
