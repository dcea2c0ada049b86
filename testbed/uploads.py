"""Many uploads by several people at once, and whether each of them becomes ready exactly once."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from signal import SIGKILL
from typing import Any

from chalicelib.media import items, objects
from embedded.processes import Process
from testbed.picture_files import encoded, photo
from testbed.targets import Person, Target

JPEG = "image/jpeg"
PAGE = 100
LOOK = 10
"""A client looks at its list after so many uploads."""
PAUSE = 0.5
"""Seconds between two looks at a list, when everything has been uploaded."""
TWICE = 10
"""One in so many pictures is sent twice with the same form."""


@dataclass
class Uploaded:
    """What became of uploads. ``dead`` letters were redriven; there should be none unless workers were killed.

    ``lost``: not ready in the end. ``twice``: written again after they were ready, or listed twice. ``mixed``: not the
    picture that was sent. ``left``: objects in the bucket without a ready item, and those that a ready item lacks.
    All four should be 0.
    """

    clients: int
    announced: int = 0
    sent: int = 0
    ready: int = 0
    lost: int = 0
    twice: int = 0
    mixed: int = 0
    left: int = 0
    dead: int = 0
    kills: int = 0
    seconds: float = 0

    @property
    def is_right(self) -> bool:
        """Whether each picture became ready exactly once, and nothing else is left."""
        wrong = (self.lost, self.twice, self.mixed, self.left)
        return self.ready == self.announced > 0 and not any(wrong)


@dataclass
class _Client:
    """One person's uploads. By mediaid: ``sizes`` in pixels, and ``modified`` of an item when it was first ready."""

    person: Person
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    modified: dict[str, str] = field(default_factory=dict)
    sent: int = 0


def upload(api: Target, people: Sequence[Person], each: int, seconds: float = 30) -> Uploaded:
    """Let each person upload so many pictures, all people at once. Return what has become of them.

    Waits until the queue of uploads is empty, for so many seconds at most after the last upload.
    """
    started = time.monotonic()
    clients = [_Client(person) for person in people]

    api.at_once([partial(_send_all, api, client, number, each) for number, client in enumerate(clients)])
    dead = 0
    while True:
        api.at_once([partial(_look_until_ready, api, client, each, seconds) for client in clients])
        api.process_uploads(seconds)
        redriven = api.redrive()
        dead += redriven
        if not redriven:
            break
    result = Uploaded(len(clients), dead=dead, seconds=round(time.monotonic() - started, 1))
    for client in clients:
        _judge(api, client, result)
    return result


def _send_all(api: Target, client: _Client, number: int, each: int) -> None:
    """Upload pictures whose size tells of which client they are, and which one of that client's."""
    for one in range(each):
        _send(api, client, (100 + one, 100 + number), twice=one % TWICE == TWICE // 2)
        if one % LOOK == LOOK - 1:
            _look(api, client)


def _look_until_ready(api: Target, client: _Client, each: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while len(client.modified) < each and time.monotonic() < deadline and not _is_dead(api):
        time.sleep(PAUSE)
        _look(api, client)


def _is_dead(api: Target) -> bool:
    """Return whether only dead letters are left."""
    return not any(api.messages_in(api.queue).values()) and any(api.messages_in(api.dead_letters).values())


def _send(api: Target, client: _Client, size: tuple[int, int], *, twice: bool) -> None:
    picture = encoded(photo(*size), JPEG)
    announced = {"content_type": JPEG, "size": len(picture)}
    item = api.post("/media", token=client.person.token, json=announced).json
    client.sizes[item["mediaid"]] = size
    for _ in range(1 + twice):
        assert api.upload(item["upload"], picture) == 204
        client.sent += 1


def _look(api: Target, client: _Client) -> None:
    """Note when pictures have become ready."""
    for item in _listed(api, client.person):
        if item["status"] == items.READY:
            client.modified.setdefault(item["mediaid"], item["modified"])


def _listed(api: Target, person: Person) -> list[dict[str, Any]]:
    """Return all items of a person."""
    found: list[dict[str, Any]] = []
    address = f"/media?limit={PAGE}"
    while address:
        answer = api.get(address, token=person.token)
        assert answer.status == 200
        found += answer.json
        link = answer.headers.get("link", "")
        address = "/media?" + link.partition(">")[0].partition("?")[2] if link else ""
    return found


def ready_twice(logs: Iterable[str]) -> int:
    """Return how many items became ready more than once, according to what the images function has logged."""
    ready = Counter(mediaid for log in logs for mediaid in re.findall(r"mediaid=(\S+) outcome=ready", log))
    return sum(count > 1 for count in ready.values())


def _judge(api: Target, client: _Client, result: Uploaded) -> None:
    """Add what has become of a person's uploads."""
    listed = _listed(api, client.person)
    shown = {item["mediaid"]: item for item in listed if item["status"] == items.READY}
    result.announced += len(client.sizes)
    result.sent += client.sent
    result.ready += len(shown)
    result.lost += len(client.sizes.keys() - shown.keys())
    result.twice += len(listed) - len({item["mediaid"] for item in listed})
    for mediaid, item in shown.items():
        result.twice += item["modified"] != client.modified.get(mediaid, item["modified"])
        result.mixed += (item["width"], item["height"]) != client.sizes[mediaid]
    sub = client.person.sub
    expected = {objects.stored(sub, mediaid, kind) for mediaid in shown for kind in objects.KINDS}
    prefixes = (f"{objects.INCOMING}{sub}/", f"{objects.MEDIA}{sub}/")
    result.left += len(expected ^ {key for prefix in prefixes for key in _keys(api, prefix)})


def _keys(api: Target, prefix: str) -> Iterator[str]:
    after = ""
    while found := api.bucket.list(prefix, after):
        yield from (one.key for one in found)
        after = found[-1].key


class Killed:
    """Workers that are killed (SIGKILL) one after another, and replaced. ``kills`` counts them."""

    def __init__(self, start: Callable[[], Process], workers: int) -> None:
        self.kills = 0
        self._start = start
        self._workers = [start() for _ in range(workers)]

    def kill(self) -> None:
        """Kill the worker that has lived longest, and start another one."""
        worker = self._workers.pop(0)
        worker.identity.signal(SIGKILL)
        worker.stop()
        self.kills += 1
        self._workers.append(self._start())

    def stop(self) -> None:
        """Stop all workers, when they have handled what they have taken."""
        for worker in self._workers:
            worker.stop()


@contextmanager
def killed_whenever(
    wait: Callable[[threading.Event], bool], start: Callable[[], Process], workers: int = 1
) -> Iterator[Killed]:
    """Run workers, and kill one whenever ``wait`` has returned true, until the context ends.

    ``wait`` gets an event that is set when the context ends. No more workers are killed when it returns false.
    """
    killed, over = Killed(start, workers), threading.Event()

    def kill() -> None:
        while wait(over) and not over.is_set():
            killed.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()
        killed.stop()
