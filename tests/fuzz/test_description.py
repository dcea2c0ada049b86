"""schemathesis checks the API against ``/openapi.json``, over HTTP on the embedded AWS, as an admin and as a user.

It must find no server error, no undocumented status, media type or header, and no body that violates its schema.
``make test`` runs the same few hundred cases every time, ``make fuzz`` several thousand different ones. Those of
schemathesis's coverage phase take longest and are the same for both accounts. ``make test`` sends them only as the
admin, who reaches all operations, and twice as many generated ones as the user. Signing up and in takes no token, so
these operations are tried only once, in the admin's run.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from embedded import accounts, aws, processes, stack

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
WITHOUT_TOKEN = ("--exclude-tag", "Accounts and sessions")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    ports = processes.free_port(), processes.free_port()
    with stack.running(*ports, folder, lambda _: None, log=folder / "api.log") as (running, *_):
        yield running


@pytest.mark.parametrize("account", [accounts.ADMIN, accounts.USER], ids=lambda account: account.email)
def test_the_api_conforms_to_its_description(running, account, tmp_path):
    cognito = aws.client("cognito-idp", running.aws_port)
    token = accounts.id_token(cognito, running.outputs["UserPoolClient"], account.email, accounts.PASSWORD)
    phases, most = (PHASES, EXAMPLES) if EXAMPLES else SHORT[account]
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        *("run", f"{running.api}/openapi.json"),
        *("--header", f"Authorization: Bearer {token}"),
        *("--checks", ",".join(CHECKS)),
        *("--phases", phases),
        *("--max-examples", most),
        *([] if EXAMPLES else ["--seed", "1"]),
        *(WITHOUT_TOKEN if account is accounts.USER else ()),
        "--continue-on-failure",
        "--no-color",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-16000:]
    cases = int(re.search(r"(\d+) generated", output)[1])
    print(f"{account.email}: {cases} cases")
    assert cases >= (2500 if EXAMPLES else 100)
