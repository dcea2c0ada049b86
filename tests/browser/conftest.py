"""A browser, Roster as `make run` serves it, and pages on other origins."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from embedded import accounts, aws, page, processes, stack
from tests.browser import chromium


@contextmanager
def page_served(content):
    """Serve the HTML page ``content`` on an origin of its own while this is open, and yield that origin."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="session")
def api_log(tmp_path_factory):
    """The API's log file."""
    return tmp_path_factory.mktemp("browser") / "api.log"


@pytest.fixture(scope="session")
def roster(api_log):
    ports = processes.free_port(), processes.free_port()
    with stack.running(*ports, api_log.parent, lambda _: None, log=api_log) as (running, *_):
        yield running


@pytest.fixture(scope="session")
def documentation(roster):
    """The address of the documentation page."""
    with page.served(processes.free_port(), roster.api, roster.aws_port) as address:
        yield address


@pytest.fixture(scope="session")
def admin_token(roster):
    cognito = aws.client("cognito-idp", roster.aws_port)
    return accounts.id_token(cognito, roster.outputs["UserPoolClient"], accounts.ADMIN.email, accounts.PASSWORD)


@pytest.fixture(scope="session")
def browser():
    with chromium.launched() as launched:
        yield launched
