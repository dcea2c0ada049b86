"""A browser, Roster as `make run` serves it, and pages on other origins."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from embedded import accounts, aws, page, processes, stack
from testbed import targets
from tests.browser import chromium
from tests.browser.console import Console, Visitor

SCREEN = {"width": 1100, "height": 800}


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


@pytest.fixture
def admin_token(roster):
    cognito = aws.client("cognito-idp", roster.aws_port)
    return accounts.id_token(cognito, roster.outputs["UserPoolClient"], accounts.ADMIN.email, accounts.PASSWORD)


@pytest.fixture(scope="session")
def browser():
    with chromium.launched() as launched:
        yield launched


@pytest.fixture(scope="session")
def console(roster):
    """The console of `make run`."""
    return Console(roster.api, roster.aws_port, roster.outputs)


@pytest.fixture(scope="session")
def deployed_console(tmp_path_factory):
    """The console that `make deploy STAGE=local` deploys, behind the embedded AWS's API Gateway."""
    with targets.deployed(targets.rarely_saved(tmp_path_factory.mktemp("deployed"))) as target:
        outputs = {**aws.account(target.aws_port).stack("roster-backend-local").outputs}
        yield Console(target.base_url, target.aws_port, outputs)


@pytest.fixture(params=["local", "deployed"])
def everywhere(request):
    """The console of `make run`, and the deployed one."""
    return request.getfixturevalue("console" if request.param == "local" else "deployed_console")


@pytest.fixture(scope="session")
def regular(browser, console):
    """A browser that tests share, because a new one for each takes longer than the test."""
    visitor = Visitor(console, browser.new_context(viewport=SCREEN))
    yield visitor
    visitor.context.close()


@pytest.fixture
def visit(browser, console, regular):
    """A function that opens a view of the console for somebody whom it does not know, and returns the ``Visitor``.

    With other ``options`` of the browser's context, or for the second time in a test, it is another browser. If the
    page logs an error or violates its policy, the test fails.
    """
    visitors: list[Visitor] = []

    def opened(at="", *, place=console, person=None, **options):
        if visitors or options or place is not console:
            visitor = Visitor(place, browser.new_context(**{"viewport": SCREEN, **options}))
        else:
            visitor = regular
            visitor.forget()
        visitors.append(visitor)
        return visitor.open(at, person)

    yield opened
    faults = [fault for visitor in visitors for fault in visitor.faults]
    for visitor in visitors:
        if visitor is not regular:
            visitor.context.close()
    assert faults == []
