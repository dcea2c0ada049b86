"""Connections to AWS services: botocore's clients, their time limits, and the errors that all services have in common.

Only this module and the services' own modules use botocore. Roster does without boto3, which wraps the same clients,
because that makes a cold start 10 % shorter (docs/performance.md).

No attempt starts later than 3.5 s after its operation, or group of operations, started.
"""

import json
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from chalicelib import __version__
from chalicelib.errors import Misconfigured, RosterError, Unavailable
from chalicelib.lasting import lasting

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

CONNECT_TIMEOUT = 0.5
PATIENCE = 3.5
"""Seconds after which nothing is retried."""
SHORT_PAUSE, LONG_PAUSE = 0.05, 0.4
"""The first pause of a ``Backoff`` and the later ones last at most so many seconds."""
_give_up_at: ContextVar[float] = ContextVar("give_up_at", default=math.inf)


class Service(NamedTuple):
    """A service as botocore (``id``), the log (``name``) and clients (``role``) know it.

    ``late`` tells clients why an operation took too long. ``translated`` returns the error for a code that the service
    reported, as botocore's ``ClientError`` has it, or ``None`` if it is not about this operation. ``answers_json`` says
    whether all its responses are JSON objects, so that an incomplete one is recognized before it is parsed. In each
    region, a service ``by_region`` has one address for the operations that Roster uses.
    """

    id: str
    name: str
    role: str
    late: str
    transient: frozenset[str]
    translated: Callable[[Any, str], RosterError | None]
    answers_json: bool = True
    by_region: bool = True


class Connection:
    """The connection to a service in one region. ``endpoint`` replaces AWS's address.

    Its clients share what the first one loads from botocore's files, which takes most of the time.
    """

    def __init__(self, service: Service, region: str, endpoint: str | None = None) -> None:
        self._service = service
        self._region = region
        self._endpoint = endpoint
        self._one_at_a_time = Lock()  # a session must not create two clients at the same time

    @cached_property
    def _session(self) -> Any:
        from botocore.session import Session

        from chalicelib.storage.data_files import FewFolders

        session = Session()
        configured = session.get_config_variable
        is_special = (
            configured("use_fips_endpoint")
            or configured("use_dualstack_endpoint")
            or str(configured("account_id_endpoint_mode")).lower() == "required"
        )
        by_region = {self._service.id} if self._service.by_region and not is_special else ()
        session.register_component("data_loader", FewFolders(configured("data_path"), by_region))
        return session

    @property
    def credentials(self) -> "ReadOnlyCredentials":
        """The credentials with which requests are signed now. Raises ``Misconfigured`` if there are none."""
        with self._one_at_a_time, failures_named(self._service, "connect"):
            found = self._session.get_credentials()
            frozen: ReadOnlyCredentials | None = None if found is None else found.get_frozen_credentials()
        if frozen is None:
            raise Misconfigured(f"{self._service.name} connect: NoCredentialsError")
        return frozen

    def client(self, *, read_timeout: float, attempts: int, **options: Any) -> Any:
        """Return a new client of botocore, which is the same as boto3's. It is safe to share between threads.

        ``read_timeout`` is in seconds. ``options`` are others of botocore's ``Config``.
        """
        with lasting(self._service.id), self._one_at_a_time, failures_named(self._service, "connect"):
            return self._client(read_timeout=read_timeout, attempts=attempts, **options)

    def _client(self, *, read_timeout: float, attempts: int, **options: Any) -> Any:
        from botocore.config import Config
        from botocore.exceptions import UnknownServiceError

        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            # For speed: building botocore's own user agent for each request takes 10 % of the request's time, and mypy
            # already checks the parameters.
            user_agent=f"roster/{__version__}",
            parameter_validation=False,
            **options,
        )
        try:
            client = self._create(config)
        except UnknownServiceError:  # on Lambda, a later botocore can come any day, and could insist on the rules
            self._session.get_component("data_loader").by_region = ()
            client = self._create(config)
        client.meta.events.register(f"request-created.{self._service.id}", self._require_time_left)
        if self._service.answers_json:
            client.meta.events.register(f"before-parse.{self._service.id}", self._require_complete)
        return client

    def _create(self, config: Any) -> Any:
        return self._session.create_client(
            self._service.id, region_name=self._region, endpoint_url=self._endpoint, config=config
        )

    def _require_time_left(self, request: Any, **_: object) -> None:
        """Enforce the time limit before each attempt: botocore limits their number, but not their total time."""
        now = time.monotonic()
        first = request.context.setdefault("roster_first_attempt", now)
        if now > min(first + PATIENCE, _give_up_at.get()):
            raise Unavailable(self._service.late)

    def _require_complete(self, response_dict: Mapping[str, Any], **_: object) -> None:
        """Reject incomplete responses before they are parsed: botocore treats a body that is not JSON as empty."""
        if response_dict["status_code"] < 300 and not _is_complete(response_dict):
            raise incomplete(self._service)


@contextmanager
def one_patience(seconds: float | None = None) -> Iterator[None]:
    """Make the operations inside share one time limit, by default ``PATIENCE``. After it, they raise ``Unavailable``.

    Inside another one, the inner limit counts.
    """
    before = _give_up_at.set(time.monotonic() + (PATIENCE if seconds is None else seconds))
    try:
        yield
    finally:
        _give_up_at.reset(before)


class Backoff:
    """The pauses of a writer after each attempt that another one has got ahead of.

    They grow. Full jitter spreads the attempts ("Exponential backoff and jitter", AWS Architecture Blog).
    """

    def __init__(self) -> None:
        self._longest = SHORT_PAUSE

    def wait(self) -> None:
        """Pause before the next attempt."""
        time.sleep(random.uniform(0, self._longest))  # noqa: S311
        self._longest = min(self._longest * 2, LONG_PAUSE)


@contextmanager
def failures_named(service: Service, operation: str) -> Iterator[None]:
    """Translate botocore's exceptions to Roster's errors.

    Botocore's messages are dropped, because they can contain keys, names and addresses.
    """
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    try:
        yield
    except exceptions.ClientError as error:
        raise _translated(service, error, operation) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.NoRegionError) as error:
        raise Misconfigured(f"{service.name} {operation}: {type(error).__name__}") from None
    except (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.CredentialRetrievalError) as error:
        raise Unavailable(f"{service.role} can't be reached ({type(error).__name__}): retry later.") from None
    except (exceptions.IncompleteReadError, exceptions.FlexibleChecksumError, ResponseParserError):
        raise incomplete(service) from None


def incomplete(service: Service) -> Unavailable:
    """Return the error for a response that lacks a part of what it must have."""
    return Unavailable(f"{service.role}'s response was incomplete: retry later.")


def _translated(service: Service, error: Any, operation: str) -> RosterError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    known = service.translated(error, operation)
    if known is not None:
        return known
    if code in service.transient or status >= 500:
        return Unavailable(f"{service.role} is overloaded or temporarily unavailable: retry later.")
    return Misconfigured(f"{service.name} {operation}: {code or status}")


def _is_complete(response: Mapping[str, Any]) -> bool:
    body, checksum = response["body"], response["headers"].get("x-amz-crc32")
    return _is_object(body) if checksum is None else str(crc32(body)) == checksum


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False
