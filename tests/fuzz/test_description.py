"""schemathesis checks the API against ``/openapi.json``, over HTTP on the embedded AWS, as an admin and as a user.

It must find no server error, no undocumented status, media type or header, and no body that violates its schema.
``make test`` runs the same few hundred cases every time, ``make fuzz`` several thousand different ones. Those of
schemathesis's coverage phase take longest and are the same for both accounts. ``make test`` sends them only as the
admin, who reaches all operations, and twice as many generated ones as the user. Signing up and in takes no token, so
these operations are tried only once, in the admin's run. Those of one's own account take an access token. Those of
administration are tried on a group and accounts made for it: schemathesis finds those of the other tests in lists.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from embedded import accounts, aws, processes, stack
from testbed.targets import new_email, rarely_saved

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
PHASES = "examples,coverage,fuzzing"
SHORT = {accounts.ADMIN: (PHASES, "5"), accounts.USER: ("examples,fuzzing", "10")}
"""The phases of each account under ``make test``, and the largest number of generated cases of each operation."""
OWN_ACCOUNT = "One's own account"
ADMINISTRATION = "Administration"
WITHOUT_TOKEN = ("--exclude-tag", "Accounts and sessions")
WITH_ACCESS_TOKEN = ("--include-tag", OWN_ACCOUNT, "--exclude-operation-id", "delete_own_sessions")
"""Signing out everywhere would make Cognito reject the token of all cases after it."""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = rarely_saved(tmp_path_factory.mktemp("fuzz"))
    ports = processes.free_port(), processes.free_port()
    with stack.running(*ports, folder, lambda _: None, log=folder / "api.log") as (running, *_):
        yield running


@pytest.mark.parametrize("account", [accounts.ADMIN, accounts.USER], ids=lambda account: account.email)
def test_the_api_conforms_to_its_description(running, account, tmp_path):
    cognito = aws.client("cognito-idp", running.aws_port)
    token = accounts.id_token(cognito, running.outputs["UserPoolClient"], account.email, accounts.PASSWORD)
    phases, most = (PHASES, EXAMPLES) if EXAMPLES else SHORT[account]
    chosen = (
        *("--exclude-tag", OWN_ACCOUNT, "--exclude-tag", ADMINISTRATION),
        *(WITHOUT_TOKEN if account is accounts.USER else ()),
    )
    conforms(running, account, token, tmp_path, phases, most, chosen)


def test_ones_own_account_conforms_to_its_description(running, tmp_path):
    cognito = aws.client("cognito-idp", running.aws_port)
    credentials = {"USERNAME": accounts.USER.email, "PASSWORD": accounts.PASSWORD}
    signed_in = cognito.initiate_auth(
        ClientId=running.outputs["UserPoolClient"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=credentials
    )
    token = signed_in["AuthenticationResult"]["AccessToken"]
    phases, most = (PHASES, EXAMPLES) if EXAMPLES else SHORT[accounts.USER]
    conforms(running, accounts.USER, token, tmp_path, phases, most, WITH_ACCESS_TOKEN)


EXISTING = """\
[parameters]
"path.userid" = "{userid}"
"path.group" = "{group}"

[[operations]]
include-operation-id = "delete_account"
parameters = {{ "path.userid" = "{leaving}" }}
"""
"""Schemathesis's configuration for administration: the values of parameters in paths. Nobody survives a DELETE."""


def test_administration_conforms_to_its_description(running, tmp_path):
    cognito = aws.client("cognito-idp", running.aws_port)
    token = accounts.id_token(cognito, running.outputs["UserPoolClient"], accounts.ADMIN.email, accounts.PASSWORD)
    pool = {"UserPoolId": running.outputs["UserPool"]}
    group = cognito.create_group(**pool, GroupName="readers")["Group"]["GroupName"]
    userid, leaving = (confirmed(cognito, pool) for _ in range(2))
    (tmp_path / "schemathesis.toml").write_text(EXISTING.format(userid=userid, leaving=leaving, group=group))
    phases, most = (PHASES, EXAMPLES) if EXAMPLES else SHORT[accounts.ADMIN]
    conforms(running, accounts.ADMIN, token, tmp_path, phases, most, ("--include-tag", ADMINISTRATION))
    assert cognito.admin_get_user(**pool, Username=userid)
    with pytest.raises(cognito.exceptions.UserNotFoundException):
        cognito.admin_get_user(**pool, Username=leaving)


def confirmed(cognito, pool):
    """The userid of a new account."""
    email = new_email()
    attributes = {"email": email, "email_verified": "true", "name": "Jane Doe"}
    listed = [{"Name": name, "Value": value} for name, value in attributes.items()]
    cognito.admin_create_user(**pool, Username=email, MessageAction="SUPPRESS", UserAttributes=listed)
    cognito.admin_set_user_password(**pool, Username=email, Password=accounts.PASSWORD, Permanent=True)
    return cognito.admin_get_user(**pool, Username=email)["Username"]


def conforms(running, account, token, folder, phases, most, chosen):  # noqa: PLR0917
    """Assert that schemathesis finds nothing in the operations that the options ``chosen`` choose."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        *("run", f"{running.api}/openapi.json"),
        *("--header", f"Authorization: Bearer {token}"),
        *("--checks", ",".join(CHECKS)),
        *("--phases", phases),
        *("--max-examples", most),
        *([] if EXAMPLES else ["--seed", "1"]),
        *chosen,
        "--continue-on-failure",
        "--no-color",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-16000:]
    cases = int(re.search(r"(\d+) generated", output)[1])
    print(f"{account.email}: {cases} cases")
    assert cases >= (1000 if EXAMPLES else 80)
