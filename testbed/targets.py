"""Where the API runs while it is tested. All targets have the same interface:

- ``inprocess``: ``chalice.test.Client``, with moto's DynamoDB and the embedded AWS's user pool;
- ``local``: ``chalice local`` over HTTP on the embedded AWS, started as ``make run`` starts it;
- ``deployed``: what ``make deploy STAGE=local`` deploys, called through API Gateway at the address in its outputs.
"""

import json
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property, partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import httpx
from botocore.credentials import ReadOnlyCredentials
from chalice.config import Config
from chalice.local import LocalGateway, LocalGatewayException

from chalicelib.media import content_types
from chalicelib.media.images import handler
from chalicelib.media.images.processing import Processing
from chalicelib.media.index import Index
from chalicelib.repository import ProfileRepository, UserRepository
from chalicelib.storage.dynamodb import DynamoDB
from chalicelib.storage.s3 import Bucket
from embedded import accounts, aws, housekeeping, images, mail, processes, stack
from embedded.emulator import PAUSE
from embedded.emulator.clock import OFFSET
from embedded.state import prepare
from infra import parts
from infra.cloudformation import Outputs
from testbed import backend_template, description, logged
from testbed.in_process import InProcess, in_process, on_moto

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PASSWORD = "Correct-horse-42"
FILES = ("image/svg+xml", "text/css", "text/html", "text/javascript")
"""The media types of the console's files. Other origins cannot read them."""
EVEN = {"EVEN_RESPONSE_MILLISECONDS": "0"}
"""No target holds responses back. ``tests/unit/test_even_time.py`` and ``make even`` test that Roster does."""
Headers = Mapping[str, Any]
"""Request headers by name. A value is text, or bytes if it is not ASCII."""
Result = TypeVar("Result")


@dataclass(frozen=True)
class Answer:
    """A response of the API. The names of ``headers`` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed. Numbers with a fraction become ``Decimal``."""
        return json.loads(self.body, parse_float=Decimal)


RENEWED_AFTER = 300
"""Seconds. ID tokens are valid for 900."""


class Person:
    """A user with an account. ``sign_in`` returns a new ID token."""

    def __init__(self, email: str, sub: str, sign_in: Callable[[], str]) -> None:
        self.email = email
        self.sub = sub
        self._sign_in = sign_in
        self._token, self._since = sign_in(), time.monotonic()

    @property
    def token(self) -> str:
        """An ID token that is valid, however long the tests take: it is renewed every few minutes."""
        if time.monotonic() > self._since + RENEWED_AFTER:
            self._token, self._since = self._sign_in(), time.monotonic()
        return self._token


NAMES = ("inprocess", "local", "deployed")
DIFFERENCES = {
    "A method that API Gateway does not know, such as `TRACE`": (
        "405 with `Allow`",
        "405 with `Allow`",
        "405 with `Allow`",
    ),
    "An access token at `/` and `/user/profile`": ("401", "401", "403, from Roster's second lock"),
    "Escapes (`%41`) in a `userid`": ("rejected: 400", "rejected: 400", "decoded by the emulator"),
    "A body that is not UTF-8": ("rejected: 400", "rejected: 400", "invalid bytes become U+FFFD"),
    "Authorizer policies": ("new for each request", "new for each request", "cached for 300 s per token"),
    "Concurrent requests": ("one at a time", "one thread each", "one process each"),
    "Confirmation and reset codes": (
        "checked; `make mail` prints them",
        "checked; `make mail` prints them",
        "checked; `make mail` prints them",
    ),
    "Hosted sign-in page": (
        "as in `local`",
        "no sign-up, no MFA, no session that outlasts a sign-in, no `/oauth2/revoke`",
        "as in `local`",
    ),
    "Request signatures and IAM": ("not checked", "checked", "checked"),
    "Throttling": ("none", "none", "of each method, as configured"),
    "10 MB limit for a request": ("none", "413", "none"),
    "29 s time limit, alarms": ("none", "none", "none"),
    "A body that is compressed with gzip or deflate": ("rejected: 415", "rejected: 415", "rejected: 415"),
    "Compression of responses": ("none", "none", "none"),
    "Housekeeping": ("none", "when `make run` starts, and hourly", "hourly"),
    "A function of their own for the administrators' routes": ("no", "no", "yes, with a role of its own"),
    "Forms for uploads": ("not checked", "checked", "checked"),
    "AWS credentials for one's own pictures": (
        "issued; the pictures are in moto's S3, which does not check them",
        "limited to one's own pictures, as on AWS",
        "limited to one's own pictures, as on AWS",
    ),
    "Events of uploads": ("taken by the tests", "taken by a process of `make run`", "taken by the images function"),
}
"""How ``inprocess``, ``local`` and ``deployed`` behave where they differ. docs/local-and-cloud.md has the same list."""

Send = Callable[[str, str, Headers, bytes | None], Answer]
"""Sends a request with this method, path, headers and body, and returns the response."""


class Target:
    """The API, the user pool that its users sign up with, and its tables."""

    name: str
    threads: int
    base_url = ""
    cognito: Any
    connection: DynamoDB
    user_pool_id: str
    client_id: str
    aws_port: int
    """The port of the embedded AWS, which keeps the e-mails that its user pool sends."""
    tables: dict[str, str]
    """The names of the tables by what they hold: ``users``, ``profiles``."""
    bucket: Bucket
    """The bucket with the pictures."""
    sqs: Any
    queue: str
    """The address of the queue of uploads, and a client for it."""
    folder: Path
    """The folder with the state of the embedded AWS."""

    def how(self, difference: str) -> str:
        """Return how this target behaves in one of the ``DIFFERENCES``."""
        return DIFFERENCES[difference][NAMES.index(self.name)]

    def send(self, method: str, path: str, headers: Headers, body: bytes | None) -> Answer:
        """Send a request and return the response, unchecked."""
        raise NotImplementedError

    def with_settings(self, **environ: str) -> "AbstractContextManager[Target]":
        """Return a context in which the API has other settings. It yields the target to call."""
        raise NotImplementedError

    def housekeep(self) -> None:
        """Run the housekeeping now. Fails if the housekeeping fails."""
        raise NotImplementedError

    def upload(self, form: Mapping[str, Any], content: bytes, **fields: str) -> int:
        """Send a picture to S3 with a form that the API has signed, with ``fields`` in place of the form's own.

        Return the status of S3's response.
        """
        raise NotImplementedError

    def process_uploads(self, seconds: float = 30) -> None:
        """Return once the images function has handled the messages that are in the queue now.

        Fails if that takes longer than so many seconds.
        """
        raise NotImplementedError

    @cached_property
    def dead_letters(self) -> str:
        """The address of the queue of uploads that could not be processed."""
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["RedrivePolicy"])["Attributes"]
        name = json.loads(found["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2]
        address: str = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return address

    def messages_in(self, queue: str) -> dict[str, int]:
        """Return how many messages are in a queue: ``waiting``, and ``taken`` but not deleted yet."""
        counts = {"waiting": "ApproximateNumberOfMessages", "taken": "ApproximateNumberOfMessagesNotVisible"}
        found = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[*counts.values()])["Attributes"]
        return {name: int(found[attribute]) for name, attribute in counts.items()}

    def without_worker(self) -> AbstractContextManager[None]:
        """Return a context in which nothing takes messages from the queue of uploads, except for the caller."""
        raise NotImplementedError

    def redrive(self) -> int:
        """Put the dead letters back into the queue of uploads, as an operator does. Return how many they were."""
        moved = 0
        while found := self.sqs.receive_message(QueueUrl=self.dead_letters, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                self.send_message(message["Body"])
                self.sqs.delete_message(QueueUrl=self.dead_letters, ReceiptHandle=message["ReceiptHandle"])
                moved += 1
        return moved

    def send_message(self, body: str) -> None:
        """Put a message into the queue of uploads."""
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: Any = ...,
        body: bytes | None = None,
        headers: Headers | None = None,
    ) -> Answer:
        """Send a request and check what every response must have. ``json`` is a body to send as JSON."""
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        if json is not ...:
            logged.note_password(json)
            sent.setdefault("Content-Type", "application/json")
            body = _dumps(json).encode()
        answer = self.send(method, path, sent, body)
        self._check(answer)
        description.check(method, path.removeprefix(self.base_url), answer)
        return answer

    def _check(self, answer: Answer) -> None:
        """Check what every response must have."""
        assert answer.status < 500 or answer.status == 503, answer
        is_file = answer.headers.get("content-type", "").partition(";")[0] in FILES
        assert is_file or answer.status == 304 or answer.headers["access-control-allow-origin"] == "*"
        request_id = answer.headers["x-request-id"]
        assert request_id
        if answer.status in (204, 304):
            assert answer.body == b""
        elif answer.status >= 400 and "checks" not in answer.json:
            problem = answer.json
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["cache-control"] == "no-store"
            assert problem["status"] == answer.status
            assert problem["type"].startswith("urn:roster:problem:")
            assert problem["title"]
            assert problem["detail"]
            assert problem["request_id"] == request_id
        else:
            assert is_file or answer.headers["content-type"] in ("application/json", *content_types.MADE)

    def at_once(self, requests: Sequence[Callable[[], Result]]) -> list[Result]:
        """Call ``requests``, as many concurrently as the target supports. Return their results in order."""
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(lambda request: request(), requests))

    def get(self, path: str, **kwargs: Any) -> Answer:
        """Send a GET request. See ``request``."""
        return self.request("GET", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> Answer:
        """Send a PUT request. See ``request``."""
        return self.request("PUT", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> Answer:
        """Send a POST request. See ``request``."""
        return self.request("POST", path, **kwargs)

    def patch(self, path: str, **kwargs: Any) -> Answer:
        """Send a PATCH request. See ``request``."""
        return self.request("PATCH", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Answer:
        """Send a DELETE request. See ``request``."""
        return self.request("DELETE", path, **kwargs)

    @cached_property
    def users(self) -> UserRepository:
        """The users table."""
        return UserRepository(self.connection, self.tables["users"])

    @cached_property
    def media(self) -> Index:
        """The table of media items."""
        return Index(self.connection, self.tables["media"])

    @cached_property
    def profiles(self) -> ProfileRepository:
        """The profiles table."""
        return ProfileRepository(self.connection, self.tables["profiles"])

    # Users

    def sign_up(self, **attributes: str) -> Person:
        """Sign up a new user, confirm the account and sign in."""
        email = new_email()
        attributes = {"email": email, "name": "Jane Doe", **attributes}
        answer = self.cognito.sign_up(
            ClientId=self.client_id,
            Username=email,
            Password=PASSWORD,
            UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
        )
        code = self.mailed_code(email)
        self.cognito.confirm_sign_up(ClientId=self.client_id, Username=email, ConfirmationCode=code)
        return Person(email, answer["UserSub"], partial(self.sign_in, email))

    def mailed(self, email: str) -> list[str]:
        """Return the texts of the e-mails that the user pool has sent to ``email``, the newest last."""
        return [message.text for message in mail.sent(self.aws_port) if message.to == email]

    def mailed_code(self, email: str) -> str:
        """Return the code in the latest e-mail to ``email``."""
        code = str(re.findall(r"\b\d{6}\b", self.mailed(email)[-1])[-1])
        logged.codes.add(code)
        return code

    @contextmanager
    def days_ago(self, days: int) -> Iterator[None]:
        """Let people sign up some days ago until the context ends."""
        offset = self.folder / "aws" / OFFSET
        offset.write_text(str(-86400 * days))
        try:
            yield
        finally:
            offset.unlink()

    def sign_in(self, email: str) -> str:
        """Sign in and return a new ID token."""
        return accounts.id_token(self.cognito, self.client_id, email, PASSWORD)

    def access_token(self, email: str) -> str:
        """Sign in and return a new access token."""
        answer = self.cognito.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
        )
        token: str = answer["AuthenticationResult"]["AccessToken"]
        return token

    def make_admin(self, person: Person) -> Person:
        """Add a user to the admin group. Sign in again, because the token contains the groups."""
        self.cognito.admin_add_user_to_group(UserPoolId=self.user_pool_id, Username=person.email, GroupName="apiAdmins")
        return Person(person.email, person.sub, partial(self.sign_in, person.email))


class _InProcess(Target):
    name = "inprocess"
    threads = 1  # the test client supports one request at a time

    def __init__(self, roster: InProcess, environ: Mapping[str, str]) -> None:
        self._roster = roster
        self.environ = environ

    def send(self, method: str, path: str, headers: Headers, body: bytes | None) -> Answer:
        if method == "OPTIONS":
            return self._preflight(path, headers, body)
        answer = self._roster.send(method, path, headers, body or b"")
        return Answer(answer.status_code, _lower(answer.headers), answer.body)

    def _preflight(self, path: str, headers: Headers, body: bytes | None) -> Answer:
        """Send an OPTIONS request without the test client, which fails if a response has no body."""
        gateway = LocalGateway(self._roster.client._app, Config.create())
        try:
            answer = gateway.handle_request("OPTIONS", path, _lower(headers), body)
        except LocalGatewayException as rejection:
            return Answer(rejection.CODE, _lower(rejection.headers), rejection.body or b"")
        return Answer(answer["statusCode"], _lower(answer["headers"]), b"")

    def housekeep(self) -> None:
        housekeeping.handle(self._roster.app)

    def upload(self, form: Mapping[str, Any], content: bytes, **fields: str) -> int:
        """Put the object without S3's checks of the form, which are not in this process."""
        sent = {**form["fields"], **fields}
        self.bucket.client.put_object(
            Bucket=self.bucket.name, Key=sent["key"], Body=content, ContentType=sent["Content-Type"]
        )
        return 204

    def process_uploads(self, seconds: float = 30) -> None:
        uploads = Processing(self.media, self.bucket)

        def handle(event: dict[str, Any]) -> dict[str, Any]:
            failed = handler.failures(event["Records"], uploads)
            return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}

        while images.poll(self.sqs, self.queue, handle, wait=0):
            pass

    @contextmanager
    def without_worker(self) -> Iterator[None]:
        yield  # there is none

    @contextmanager
    def with_settings(self, **environ: str) -> Iterator[Target]:
        with in_process({**self.environ, **environ}) as roster:
            other = copy(self)
            other._roster = roster
            yield other


def _lower(headers: Headers) -> dict[str, Any]:
    """Return the headers with names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


@contextmanager
def in_process_target(folder: Path) -> Iterator[Target]:
    """Run the ``inprocess`` target: its tables are moto's, and its user pool is the embedded AWS's, in ``folder``."""
    aws_port = processes.free_port()
    with stack.aws_running(aws_port, folder, lambda _: None) as (running, _), on_moto():
        outputs = running.outputs
        environ = {
            **parts.values(outputs),
            **EVEN,
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY": running.aws,
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": running.aws,
            "JWKS_URL": f"{running.aws}/{outputs['UserPool']}/.well-known/jwks.json",
        }
        with in_process(environ) as roster:
            target = _InProcess(roster, environ)
            target.connection = roster.app.database
            target.cognito = aws.client("cognito-idp", aws_port)
            target.user_pool_id, target.client_id = outputs["UserPool"], outputs["UserPoolClient"]
            target.tables = backend_template.tables(roster.tables)
            target.bucket = Bucket(aws.REGION, roster.buckets["MediaBucket"])
            target.sqs, target.queue = boto3.client("sqs"), roster.queue
            target.aws_port = aws_port
            target.folder = folder
            yield target
    logged.texts.append((folder / "aws.log").read_text())


Connects = TypeVar("Connects", bound="_OverHTTP")


class _OverHTTP(Target):
    client: Callable[[str], Any]
    """Returns a boto3 client of the target's AWS for a service."""

    def __init__(self, name: str, base_url: str, threads: int) -> None:
        self.name = name
        self.threads = threads
        self.connect(base_url)

    def connect(self, base_url: str) -> None:
        """Send requests to this address from now on."""
        self.base_url = base_url
        self._http = httpx.Client(base_url=base_url, timeout=30, trust_env=False)

    def send(self, method: str, path: str, headers: Headers, body: bytes | None) -> Answer:
        answer = self._http.request(method, path, headers=headers, content=body)
        return Answer(answer.status_code, dict(answer.headers), answer.content)

    def upload(self, form: Mapping[str, Any], content: bytes, **fields: str) -> int:
        sent = {**form["fields"], **fields}
        return self._http.post(form["url"], data=sent, files={"file": ("picture", content)}).status_code

    def process_uploads(self, seconds: float = 30) -> None:
        deadline, empty = time.monotonic() + seconds, 0
        while empty < 5:  # S3 sends an event a moment after its response
            time.sleep(0.05)
            found = self.messages_in(self.queue)
            empty = 0 if any(found.values()) else empty + 1
            assert time.monotonic() < deadline, found

    def close(self) -> None:
        self._http.close()


class Local(_OverHTTP):
    """``chalice local`` over HTTP, with a process that handles uploads."""

    def __init__(self, running: stack.Stack, port: int, log: Path) -> None:
        super().__init__("local", f"http://127.0.0.1:{port}", threads=64)
        self.log = log
        self._running = running
        self.worker_logs: list[Path] = []
        self._worker = self.worker()

    def worker(self, program: str = images.__file__) -> processes.Process:
        """Start another process that handles uploads."""
        self.worker_logs.append(self.log.with_name(f"images-{len(self.worker_logs)}.log"))
        settings = stack.environ(self._running.aws_port, self._running.outputs)
        return images.start(settings, self.worker_logs[-1], program)

    @contextmanager
    def without_worker(self) -> Iterator[None]:
        self.stop_worker()
        try:
            yield
        finally:
            self._worker = self.worker()

    def stop_worker(self) -> None:
        """Stop the process that handles uploads, when it has handled the messages that it has taken."""
        self._worker.stop()

    def housekeep(self) -> None:
        log = self.log.with_name("housekeeping.log")
        with housekeeping.start(stack.environ(self._running.aws_port, self._running.outputs), log) as process:
            status = process.wait(seconds=60)
        logged.texts.append(log.read_text())
        assert status == 0, log.read_text()

    @contextmanager
    def with_settings(self, **environ: str) -> Iterator[Target]:
        port = processes.free_port()
        given = stack.environ(self._running.aws_port, self._running.outputs)
        with stack.serve(port, {**given, **EVEN, **environ}):
            other = copy(self)
            other.connect(f"http://127.0.0.1:{port}")
            yield other
            other.close()


class _Deployed(_OverHTTP):
    def __init__(self, aws_port: int, outputs: Outputs) -> None:
        super().__init__("deployed", outputs["APIEndpoint"], threads=8)
        self._functions = aws.client("lambda", aws_port)

    def function(self, logical_id: str) -> str:
        """Return the name of the function with this logical id."""
        stack = {"StackName": "roster-api-local", "LogicalResourceId": logical_id}
        found = self.client("cloudformation").describe_stack_resource(**stack)
        name: str = found["StackResourceDetail"]["PhysicalResourceId"]
        return name

    def housekeep(self) -> None:
        answer = self.invoke("Housekeeping", housekeeping.EVENT)
        assert "FunctionError" not in answer, answer["Payload"].read()

    def invoke(self, logical_id: str, event: Mapping[str, Any]) -> Any:
        """Invoke the function with this logical id, and return Lambda's response."""
        return self._functions.invoke(FunctionName=self.function(logical_id), Payload=json.dumps(event).encode())

    @contextmanager
    def without_worker(self) -> Iterator[None]:
        found = self._functions.list_event_source_mappings(FunctionName=self.function("Images"))
        (mapping,) = found["EventSourceMappings"]
        self._functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        try:
            yield
        finally:
            self._functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    @contextmanager
    def with_settings(self, **environ: str) -> Iterator[Target]:
        functions = [one["FunctionName"] for one in self._functions.list_functions()["Functions"]]
        before = {name: self._variables(name) for name in functions}
        for name, variables in before.items():
            self._set_variables(name, {**variables, **environ})
        try:
            yield self
        finally:
            for name, variables in before.items():
                self._set_variables(name, variables)

    def _variables(self, function: str) -> dict[str, str]:
        configuration = self._functions.get_function_configuration(FunctionName=function)
        variables: dict[str, str] = configuration["Environment"]["Variables"]
        return variables

    def _set_variables(self, function: str, variables: dict[str, str]) -> None:
        self._functions.update_function_configuration(FunctionName=function, Environment={"Variables": variables})


def rarely_saved(folder: Path) -> Path:
    """Return ``folder``. An embedded AWS with its state there saves it when it ends, and before that hardly ever."""
    prepare(folder)
    (folder / "aws").mkdir(mode=0o700)
    (folder / "aws" / PAUSE).write_text("60")
    return folder


def new_email() -> str:
    """Return an address that nobody has used."""
    return f"{uuid.uuid4().hex[:12]}@example.com"


def nowhere() -> str:
    """Return the URL of a key server that is not running."""
    return f"http://127.0.0.1:{processes.free_port()}/keys"


class Connected(DynamoDB):
    """A connection to the tables of the embedded AWS."""

    def __init__(self, port: int) -> None:
        super().__init__(aws.REGION)
        self._port = port

    @cached_property
    def client(self) -> "DynamoDBClient":
        """A client of the embedded AWS, whatever the environment says."""
        client: DynamoDBClient = aws.client("dynamodb", self._port)
        return client


class ConnectedBucket(Bucket):
    """A bucket of the embedded AWS."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(aws.REGION, name)
        self._port = port
        keys = aws.CREDENTIALS["AWS_ACCESS_KEY_ID"], aws.CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
        self._connection = SimpleNamespace(credentials=ReadOnlyCredentials(*keys, None))  # type: ignore[assignment]

    @cached_property
    def client(self) -> Any:
        """A client of the embedded AWS, whatever the environment says."""
        return aws.client("s3", self._port)


@contextmanager
def local(folder: Path) -> Iterator[Local]:
    """Run the ``local`` target, with its state in ``folder``."""
    port, aws_port = processes.free_port(), processes.free_port()
    log = folder / "api.log"
    with stack.aws_running(aws_port, folder, lambda _: None) as (running, _):
        settings = {**stack.environ(aws_port, running.outputs), **EVEN}
        with stack.serve(port, settings, log):
            target = Local(running, port, log)
            target.folder = folder
            try:
                yield from _connected(target, aws_port, running.outputs)
            finally:
                target.stop_worker()
    logged.texts += [log.read_text() for log in (log, folder / "aws.log", *target.worker_logs)]


@contextmanager
def served(aws_port: int, outputs: Outputs, log: Path, changes: Mapping[str, str]) -> Iterator[Target]:
    """Run ``chalice local`` on an embedded AWS that is running, with ``changes`` of its environment variables.

    It logs to the file ``log``.
    """
    port = processes.free_port()
    with stack.serve(port, {**stack.environ(aws_port, outputs), **changes}, log):
        yield from _connected(_OverHTTP("local", f"http://127.0.0.1:{port}", threads=64), aws_port, outputs)
    logged.texts.append(log.read_text())


@contextmanager
def deployed(folder: Path) -> Iterator[Target]:
    """Run the ``deployed`` target, with its state in ``folder``."""
    aws_port = processes.free_port()
    with stack.aws_running(aws_port, folder, lambda _: None) as (running, _):
        make_deploy(folder)
        outputs = {**running.outputs, **aws.account(aws_port).stack("roster-api-local").outputs}
        target = _Deployed(aws_port, outputs)
        target.folder = folder
        with target.with_settings(**EVEN):
            yield from _connected(target, aws_port, outputs)
        logged.texts.extend(_function_logs(aws.client("logs", aws_port)))
    logged.texts.append((folder / "aws.log").read_text())


def make_deploy(state: Path) -> str:
    """Run ``make deploy STAGE=local`` on the embedded AWS whose state is in ``state``. Return the output."""
    # -o: the tests run in these environments, so make must not create them again.
    command = ["make", "-o", ".venv", "-o", ".venv-embedded", "deploy", "STAGE=local", f"STATE_DIR={state}"]
    done = subprocess.run(command, cwd=processes.PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _function_logs(logs: Any) -> Iterator[str]:
    for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/roster-local")["logGroups"]:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            yield from (event["message"] for event in page["events"])


def _connected(target: Connects, aws_port: int, outputs: Outputs) -> Iterator[Connects]:
    target.aws_port = aws_port
    target.client = cache(partial(aws.client, port=aws_port))
    target.connection = Connected(aws_port)
    target.cognito = target.client("cognito-idp")
    target.user_pool_id, target.client_id = outputs["UserPool"], outputs["UserPoolClient"]
    target.tables = backend_template.tables(outputs)
    target.bucket = ConnectedBucket(aws_port, outputs["MediaBucket"])
    target.sqs, target.queue = target.client("sqs"), outputs["MediaQueue"]
    yield target
    target.close()


def _dumps(value: Any) -> str:
    from chalicelib.json.strict_json import dumps

    return dumps(value)
