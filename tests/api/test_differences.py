"""The targets differ exactly as docs/local-and-cloud.md states."""

import uuid
from pathlib import Path

import pytest

from testbed.targets import DIFFERENCES, PASSWORD

PAGE = Path(__file__).parent.parent.parent / "docs" / "local-and-cloud.md"


def test_the_docs_and_the_tests_list_the_same_differences():
    lines = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    rows = {name: tuple(cells[:3]) for name, *cells in lines[2:] if len(cells) == 4}
    assert rows == DIFFERENCES


def test_a_wrong_confirmation_code_is_rejected_where_codes_are_checked(api):
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    attributes = [{"Name": "email", "Value": email}, {"Name": "name", "Value": "Jane"}]
    api.cognito.sign_up(ClientId=api.client_id, Username=email, Password=PASSWORD, UserAttributes=attributes)
    guess = {"ClientId": api.client_id, "Username": email, "ConfirmationCode": "000000"}
    if api.how("Confirmation and reset codes") == "any is accepted":
        api.cognito.confirm_sign_up(**guess)
    else:
        with pytest.raises(api.cognito.exceptions.CodeMismatchException):
            api.cognito.confirm_sign_up(**guess)
