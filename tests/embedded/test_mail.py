"""`make mail` and the mailbox page, and the demo accounts, whose mail is there too."""

import re

import httpx
import pytest

from embedded import accounts, aws, mail, page, processes, stack
from tests.embedded.test_make_run import make

HOSTILE = "<script>alert(1)</script>"


class Roster:
    """A running embedded AWS with the backend stack."""

    def __init__(self, state, running):
        self.state, self.aws_port = state, running.aws_port
        self.client_id = running.outputs["UserPoolClient"]
        self.cognito = aws.client("cognito-idp", running.aws_port)

    def make_mail(self):
        """Return what `make mail` prints."""
        return make("-s", "mail", STATE_DIR=self.state)


@pytest.fixture(scope="module")
def roster(tmp_path_factory):
    state = tmp_path_factory.mktemp("mail") / "state"
    with stack.aws_running(processes.free_port(), state, lambda _: None) as (running, _):
        yield Roster(state, running)


@pytest.fixture(scope="module")
def address(roster):
    """The address of the mailbox page."""
    with page.served(processes.free_port(), "http://127.0.0.1:1", roster.aws_port) as documentation:
        yield f"{documentation}/mail"


def get(address):
    return httpx.get(address, trust_env=False)


def test_an_empty_mailbox_is_said_to_be_empty(roster, address):
    assert roster.make_mail() == "No e-mails have been sent since Roster was started."
    assert "There are no e-mails." in get(address).text


def test_a_demo_account_can_reset_its_password_with_the_mailed_code(roster, address):
    email = accounts.USER.email
    roster.cognito.forgot_password(ClientId=roster.client_id, Username=email)
    printed = re.fullmatch(
        r"Date: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n"
        rf"To: {email}\nSubject: Your code for Roster\n\n(\d{{6}}) is your code for Roster\. .+",
        roster.make_mail(),
    )
    code, password = printed.group(1), "Another-password-1"
    assert f"{code} is your code for Roster." in get(address).text
    roster.cognito.confirm_forgot_password(
        ClientId=roster.client_id, Username=email, ConfirmationCode=code, Password=password
    )
    assert accounts.id_token(roster.cognito, roster.client_id, email, password)


def test_make_mail_prints_the_newest_last_and_the_page_shows_it_first(roster, address):
    for email in ("first@example.com", "second@example.com"):
        attributes = [{"Name": "name", "Value": "Jane"}]
        roster.cognito.sign_up(
            ClientId=roster.client_id, Username=email, Password=accounts.PASSWORD, UserAttributes=attributes
        )
    assert re.findall(r"^To: (\w+)@", roster.make_mail(), re.MULTILINE)[-2:] == ["first", "second"]
    assert re.findall(r"To (\w+)@", get(address).text)[:2] == ["second", "first"]


def test_the_page_escapes_mails_and_has_the_security_headers_of_the_documentation(roster, address):
    aws.client("ses", roster.aws_port).verify_email_identity(EmailAddress="a@example.com")
    aws.client("ses", roster.aws_port).send_email(
        Source="a@example.com",
        Destination={"ToAddresses": ["b@example.com"]},
        Message={"Subject": {"Data": f"Subject {HOSTILE}"}, "Body": {"Html": {"Data": f"Text {HOSTILE}"}}},
    )
    assert f"Text {HOSTILE}" in mail.sent(roster.aws_port)[-1].text
    response, documentation = get(address), get(address.removesuffix("mail"))
    assert "Subject &lt;script&gt;alert(1)&lt;/script&gt;" in response.text
    assert "Text &lt;script&gt;alert(1)&lt;/script&gt;" in response.text
    assert "<script" not in response.text
    assert response.headers["Cache-Control"] == "no-store"
    for name in ("Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"):
        assert response.headers[name] == documentation.headers[name]


def test_the_pages_link_to_each_other_and_the_mailbox_reloads_itself(address):
    assert '<a href="/mail">Mailbox</a>' in get(address.removesuffix("mail")).text
    mailbox = get(address).text
    assert '<a href="/">Documentation</a>' in mailbox
    assert '<meta http-equiv="refresh"' in mailbox


def test_the_page_says_so_if_the_embedded_aws_does_not_respond():
    with page.served(processes.free_port(), "http://127.0.0.1:1", processes.free_port()) as documentation:
        response = get(f"{documentation}/mail")
    assert response.status_code == 503
    assert "The embedded AWS does not respond." in response.text


def test_make_mail_fails_in_one_sentence_if_roster_is_not_running(tmp_path):
    assert make("-s", "mail", STATE_DIR=tmp_path / "nothing").splitlines()[0].startswith("Roster is not running.")
