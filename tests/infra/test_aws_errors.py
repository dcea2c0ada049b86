"""Errors in the AWS configuration, the credentials and the connection. Nothing here leaves this machine."""

import hashlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from embedded import aws, processes
from infra.aws import sentence

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
REGION = {"AWS_DEFAULT_REGION": "us-east-1"}
ACCOUNT = "sso_account_id = 123456789012\nsso_role_name = deployer\nregion = us-east-1\n"
LEGACY_SSO = f"[default]\nsso_start_url = https://sso.invalid/start\nsso_region = us-east-1\n{ACCOUNT}"
SSO = f"""[default]
sso_session = work
{ACCOUNT}
[sso-session work]
sso_start_url = https://sso.invalid/start
sso_region = us-east-1
"""


def match(done, message):
    """Assert that a command failed with this message, which is one sentence."""
    status, text = done
    assert status == 1
    assert re.search(message, text), text
    assert text.endswith("."), text


@pytest.fixture
def infra(tmp_path):
    """A function that runs `python -m infra` with this AWS configuration only, and returns its status and message."""

    def run(*arguments, config="", **environ):
        (tmp_path / "config").write_text(config)
        environ = {
            "HOME": str(tmp_path),
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "NO_PROXY": "127.0.0.1",
            **environ,
        }
        command = [sys.executable, "-m", "infra", *arguments]
        done = subprocess.run(command, cwd=processes.PROJECT, env=environ, capture_output=True, text=True, check=False)
        assert done.stdout == ""
        (message,) = done.stderr.splitlines()
        return done.returncode, message

    return run


@pytest.fixture
def requests():
    """The requests that the fake AWS has received."""
    return []


@pytest.fixture
def fake_aws(requests):
    """A function that starts a server which rejects every request with an error code, and returns its address."""
    servers = []

    def start(code, status=403):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                requests.append(self.headers)
                error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>As tested.</Message></Error>"
                body = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


CASES = {
    "no region": ("", KEYS, "No AWS region is configured: set AWS_REGION, or run aws configure."),
    "an invalid region": ("", {**KEYS, "AWS_REGION": "Ireland!"}, "region is not valid .*: set AWS_REGION"),
    "no credentials": ("", REGION, "No AWS credentials found: run aws configure"),
    "a key without its secret": ("", {**REGION, "AWS_ACCESS_KEY_ID": "A"}, "credentials are incomplete .*: set both"),
    "a profile with half a key": ("[default]\naws_access_key_id = A\n", REGION, "credentials are incomplete"),
    "an unknown profile": ("", {**REGION, "AWS_PROFILE": "nosuch"}, r"profile \(nosuch\) .*: set AWS_PROFILE"),
    "no sign-in of an SSO profile": (LEGACY_SSO, {}, "sign-in has expired or is missing .*: run aws sso login"),
    "no sign-in of an SSO session": (SSO, {}, "sign-in has expired or is missing .*: run aws sso login"),
    "an SSO session that is not defined": (
        SSO.partition("\n[")[0],
        {},
        "AWS configuration is not valid .*: correct it, or run aws configure",
    ),
    "a file that is no configuration": ("region: us-east-1\n", {}, "AWS configuration is not valid .*: correct it"),
    "a source profile that does not exist": (
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/deployer\nsource_profile = nosuch\n",
        REGION,
        "AWS configuration is not valid .*nosuch.*: correct it",
    ),
    "a credential process that does not exist": (
        "[default]\ncredential_process = /nonexistent/program\n",
        REGION,
        "credential_process failed .*: correct it",
    ),
    "a credential process that fails": (
        "[default]\ncredential_process = false\n",
        REGION,
        "credentials can't be retrieved .*: check your profile",
    ),
    "a credential process that prints no JSON": (
        "[default]\ncredential_process = echo hello\n",
        REGION,
        "credential_process failed .*: correct it",
    ),
    "an endpoint that is no URL": ("", {**KEYS, **REGION, "AWS_ENDPOINT_URL": "aws"}, "set AWS_ENDPOINT_URL to a URL"),
    "an unknown retry mode": ("", {**KEYS, **REGION, "AWS_RETRY_MODE": "never"}, "configuration is not valid"),
}


@pytest.mark.parametrize(("config", "environ", "message"), CASES.values(), ids=CASES)
def test_an_unusable_configuration_ends_in_one_sentence(infra, config, environ, message):
    match(infra("outputs", config=config, **environ), message)


@pytest.mark.parametrize("command", ["deploy", "backend", "destroy"])
def test_every_other_command_checks_the_configuration_first(infra, command):
    match(infra(command, **REGION), "No AWS credentials found")


@pytest.mark.parametrize(("config", "key"), [(LEGACY_SSO, "https://sso.invalid/start"), (SSO, "work")])
def test_an_expired_sign_in_ends_in_one_sentence(infra, tmp_path, config, key):
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    expired = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    token = {"accessToken": "token", "expiresAt": expired, "startUrl": "https://sso.invalid/start"}
    (cache / f"{hashlib.sha1(key.encode()).hexdigest()}.json").write_text(json.dumps(token))
    match(infra("deploy", config=config), "sign-in has expired or is missing .*: run aws sso login")


CODES = {
    "ExpiredToken": "credentials have expired .*: run aws sso login",
    "ExpiredTokenException": "credentials have expired .*: run aws sso login",
    "InvalidClientTokenId": "AWS does not know the access key .*: run aws configure",
    "UnrecognizedClientException": "AWS does not know the access key .*: run aws configure",
    "SignatureDoesNotMatch": "rejected the request's signature .*: check the secret access key and .* clock",
    "AccessDenied": r"AWS denied a request .*: grant .* infra/deploy-policy\.json",
    "Throttling": "limiting the rate of requests .*: wait a minute",
    "SomethingElse": r"AWS rejected a request .*SomethingElse.*As tested",
}


@pytest.mark.parametrize(("code", "message"), CODES.items())
def test_credentials_that_aws_rejects_end_in_one_sentence(infra, fake_aws, code, message):
    match(infra("outputs", **KEYS, **REGION, **fake_aws(code)), message)


def test_an_unreachable_aws_is_reported(infra):
    address = f"http://127.0.0.1:{processes.free_port()}"
    match(infra("outputs", AWS_ENDPOINT_URL=address, **KEYS, **REGION), "AWS can't be reached .*: check your network")


def test_aws_region_takes_precedence_over_the_default_region_and_the_profile(infra, fake_aws, requests):
    regions = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"}
    infra("outputs", config="[default]\nregion = us-east-1\n", **KEYS, **regions, **fake_aws("AccessDenied"))
    assert "/eu-west-1/cloudformation/aws4_request" in requests[0]["Authorization"]


def test_the_default_region_and_the_profile_still_work(infra, fake_aws, requests):
    server = fake_aws("AccessDenied")
    infra("outputs", config="[default]\nregion = us-east-2\n", **KEYS, **server)
    infra("outputs", AWS_DEFAULT_REGION="us-west-2", **KEYS, **server)
    assert "/us-east-2/" in requests[0]["Authorization"]
    assert "/us-west-2/" in requests[1]["Authorization"]


def kinds(base: type[Exception]) -> Iterator[type[Exception]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


KINDS = sorted(set(kinds(BotoCoreError)), key=lambda kind: kind.__name__)


class AnyField(dict[str, str]):
    """A mapping in which every name has a value."""

    def __missing__(self, key):
        return "this"


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_of_botocore_has_a_sentence(kind):
    error = kind.__new__(kind)
    Exception.__init__(error, kind.fmt.format_map(AnyField()))
    text = sentence(error)
    assert "\n" not in text
    assert text.endswith(".")
    assert ": " in text


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (botocore.exceptions.ConnectTimeoutError(endpoint_url="https://a"), "did not respond in time"),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="https://a"), "did not respond in time"),
        (botocore.exceptions.ProxyConnectionError(proxy_url="http://a"), "check HTTPS_PROXY"),
        (botocore.exceptions.SSLError(endpoint_url="https://a", error="self-signed"), "set AWS_CA_BUNDLE"),
        (botocore.exceptions.LoginRefreshRequired(), r"run aws login\."),
        (ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject"), "AWS denied a request"),
        (ClientError({}, "HeadObject"), "AWS rejected a request"),
    ],
)
def test_the_sentence_says_what_to_do(error, message):
    match((1, sentence(error)), message)


@pytest.mark.parametrize(
    "variables", [{"AWS_PROFILE": "nosuch"}, {"AWS_CONFIG_FILE": str(processes.PROJECT / "README.md")}]
)
def test_the_embedded_aws_ignores_the_users_configuration(monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = aws.client("dynamodb", 4566)
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"


def test_the_embedded_commands_report_a_failed_request_in_one_sentence(monkeypatch, tmp_path):
    from embedded import __main__ as program

    def fail(_):
        raise botocore.exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:4566")

    monkeypatch.setattr(program, "_token", fail)
    monkeypatch.setattr(sys, "argv", ["embedded", f"--state={tmp_path}", "token"])
    with pytest.raises(SystemExit, match="AWS can't be reached"):
        program.main()
