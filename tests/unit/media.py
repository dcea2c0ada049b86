"""Media items for unit tests: a house with a table and a bucket on moto, whose functions can end after any request."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

from chalicelib import timestamps
from chalicelib.media import items, objects
from chalicelib.media.index import Index
from chalicelib.media.items import MediaItem
from chalicelib.media.removal import Removal
from chalicelib.storage.dynamodb import DynamoDB
from chalicelib.storage.s3 import Bucket
from testbed import backend_template

REGION = "us-east-1"
PICTURE = b"a picture"


class Killed(BaseException):
    """The function ended at this point."""


def kill():
    """End the function."""
    raise Killed


class Counted:
    """A client whose requests are counted. The function ends after ``budget`` of them."""

    def __init__(self, client, house):
        self._client = client
        self._house = house

    def __getattr__(self, operation):
        call = getattr(self._client, operation)
        if not callable(call) or operation.startswith("generate_"):
            return call

        def counted(*args, **request):
            answer = call(*args, **request)
            self._house.requests.append(operation)
            if len(self._house.requests) == self._house.budget:
                self._house.interrupt()
            return answer

        return counted


class Services:
    """Clients of moto's DynamoDB and S3, which many houses share because it takes long to create them."""

    def __init__(self):
        self.database = DynamoDB(REGION)
        self.s3 = Bucket(REGION, "any").client


class House:
    """A table and a bucket on moto. ``requests`` are those of ``index`` and ``bucket``; ``budget`` can limit them."""

    def __init__(self, services):
        self.requests = []
        self.budget = None
        self.interrupt = kill
        name = f"unit-{uuid4().hex}"
        services.s3.create_bucket(Bucket=name)
        table = backend_template.create_table(services.database.client, "MediaTable", name)
        self.plain_bucket, self.bucket = Bucket(REGION, name), Bucket(REGION, name)
        self.plain_bucket.client = services.s3
        self.bucket.client = Counted(services.s3, self)
        self.plain_index = Index(services.database, table)
        self.index = Index(SimpleNamespace(client=Counted(services.database.client, self)), table)
        self.removal = Removal(self.index, self.bucket)

    def interrupt_at(self, budget, interrupt):
        """After this many requests, call ``interrupt`` instead of ending."""
        self.budget, self.interrupt = budget, interrupt

    def add(self, *kinds, **members):
        """Store an item, and its objects: some of ``objects.KINDS``, or ``incoming``."""
        item = new(**members)
        self.plain_index.create(item, may_exist=False)
        for kind in kinds:
            self.put(item, kind)
        return item

    def add_ready(self, **members):
        """Store an item that is ready, with its objects."""
        return self.add(*objects.KINDS, **{"status": items.READY, "width": 1, "height": 1, **members})

    def put(self, item, kind):
        """Store one of an item's objects."""
        key = (
            objects.incoming(item.owner, item.mediaid)
            if kind == "incoming"
            else objects.stored(item.owner, item.mediaid, kind)
        )
        self.plain_bucket.put(key, PICTURE, objects.presentation(item, kind, item.content_type))

    def keys(self, prefix=""):
        """The keys of all objects."""
        return [one.key for one in self.plain_bucket.list(prefix)]

    def get(self, item):
        """The stored item, or ``None``."""
        return self.plain_index.get(item.mediaid)


def new(**members):
    """An item."""
    now = timestamps.now()
    return MediaItem(
        **{
            "mediaid": str(uuid4()),
            "owner": "jane",
            "status": items.AWAITING_UPLOAD,
            "visibility": items.PRIVATE,
            "content_type": "image/png",
            "size": len(PICTURE),
            "created": now,
            "modified": now,
            "revision": items.revision(),
            **members,
        }
    )


def ago(**time):
    """A time that has passed, as items have it."""
    return timestamps.of(datetime.now(UTC) - timedelta(**time))
