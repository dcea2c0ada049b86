"""The documentation page, which shows the API's description in a browser and sends requests from it, and the mailbox.

The viewer is Swagger UI: Redoc's free edition can't send requests, and Scalar's package loads its script from a CDN.
The page has its own origin, like the pages of the API's clients, and is not part of the app. ``page.html`` loads
Swagger UI and ``page.js``, which configures it. ``mail.html`` shows the e-mails that would have been sent.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import flask_swagger_ui
from flask import Flask, Response, render_template, send_from_directory
from werkzeug.serving import make_server

from embedded import mail
from embedded.processes import HOST

HERE = Path(__file__).parent
SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"


@contextmanager
def served(port: int, api: str, aws_port: int) -> Iterator[str]:
    """Serve the page for the API at ``api``, and the mailbox of the embedded AWS, until the context ends.

    Yields the page's address. The mailbox is at ``/mail``.
    """
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server(HOST, port, _page(api, aws_port), threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="page", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _page(api: str, aws_port: int) -> Flask:
    flask = Flask(__name__, template_folder=str(HERE), static_folder=str(SWAGGER_UI), static_url_path="")

    @flask.get("/")
    def page() -> str:
        return render_template("page.html", api=api)

    @flask.get("/page.js")
    def script() -> Response:
        return send_from_directory(HERE, "page.js")

    @flask.get("/mail")
    def mailbox() -> tuple[str, int, dict[str, str]]:
        try:
            mails, status = mail.sent(aws_port)[::-1], 200
        except OSError:
            mails, status = [], 503
        return render_template("mail.html", mails=mails, status=status), status, {"Cache-Control": "no-store"}

    @flask.after_request
    def add_security_headers(response: Response) -> Response:
        """Allow files from this page's origin and requests to the API, and no inline scripts."""
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            f"connect-src 'self' {api}; frame-ancestors 'none'"
        )
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return flask
