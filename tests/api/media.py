"""Media items as tests need them: in each state."""

import base64

import httpx

from chalicelib.media import items, objects

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
"""A picture of one pixel."""
ANNOUNCED = {"content_type": "image/png", "size": len(PNG)}


def announced(api, person, key=None, **more):
    """A new item."""
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = api.post("/media", token=person.token, json={**ANNOUNCED, **more}, headers=headers)
    assert answer.status == 201
    return answer.json


def ready(api, person, **more):
    """An item that is ready, as the images function would have made it."""
    mediaid = announced(api, person, **more)["mediaid"]
    item = api.media.update(mediaid, items.processing)
    for kind in objects.KINDS:
        shown = objects.presentation(item, kind, "image/png")
        api.bucket.put(objects.stored(item.owner, mediaid, kind), PNG, shown)
    api.media.update(mediaid, lambda stored: items.ready(stored, 1, 1))
    return read(api, person, mediaid).json


def read(api, person, mediaid, **more):
    """The response to a GET of an item."""
    return api.get(f"/media/{mediaid}", token=person.token, **more)


def stored(api, item):
    """The keys of an item's objects in the bucket."""
    prefixes = (
        f"{objects.INCOMING}{item['owner']}/{item['mediaid']}",
        f"{objects.MEDIA}{item['owner']}/{item['mediaid']}/",
    )
    return [one.key for prefix in prefixes for one in api.bucket.list(prefix)]


def upload(form, content, **fields):
    """Send a picture with a form, as a browser does. Return the response of S3."""
    return httpx.post(form["url"], data={**form["fields"], **fields}, files={"file": content}, trust_env=False)


def fetch(address):
    """Return the response of S3 to a GET."""
    return httpx.get(address, trust_env=False)


def following(answer):
    """The address of the next page, or ``None``."""
    link = answer.headers.get("link")
    return link and link.partition(">")[0].removeprefix("<")


def walk(api, path, limit, **more):
    """All items of a list, page by page, and the number of pages."""
    found, pages, address = [], 0, f"{path}?limit={limit}"
    while address:
        answer = api.get(address, **more)
        assert answer.status == 200
        assert len(answer.json) <= limit
        found += answer.json
        pages += 1
        address = following(answer)
        if address:
            address = path + "?" + address.partition("?")[2]
    return found, pages
