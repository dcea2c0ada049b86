"""Saves ministack's state while it runs, at its end, and loads it again: all of it, or none.

ministack itself saves at its end only, service by service, and goes on without what it could not save or read. Here a
save is made by a forked child, which has the memory of one moment to itself however long the disk takes; requests wait
for the fork only, some milliseconds. Pinned to one version of ministack: ``__main__.py`` checks it.
"""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from ministack import app as ministack
from ministack.core import persistence
from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

from embedded.emulator import NOT_SAVED, STATUS, saved_state
from embedded.emulator.saved_state import Saved, Unreadable
from embedded.emulator.state_json import Codec

PAUSE = 0.5
"""Seconds between the end of a save and the next, while anything changes; longer if saves take long."""
IDLE_PAUSE = 15.0
"""Seconds after which a save is made although no request changed anything: schedules and queues may have."""
RETRY_PAUSE = 2.0
"""Seconds from a save that failed to the next."""
SAVE_SECONDS = 120
"""What a save may take; ``GRACE`` is longer."""
SHARE = 4
"""How many times as long as a save took its successor waits, so that saving takes a fifth of a processor at most."""

READING = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "TransactGet")

CODEC = Codec(
    {
        "__account__": (AccountScopedDict, lambda value: value._data, AccountScopedDict.from_dict),
        "__account_region__": (AccountRegionScopedDict, lambda value: value._data, AccountRegionScopedDict.from_dict),
    }
)

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Keeper:
    """Keeps ministack's state in a folder of ``ministacks_own``. ``error`` is why the last save failed, if it did."""

    def __init__(self, ministacks_own: Path) -> None:
        self._folder = ministacks_own / saved_state.FOLDER
        self._files_of_ministack = [ministacks_own / f"{service}.json" for service in ministack._state_map]
        self._states: dict[str, Any] = {}  # what is loaded, and later what no service takes
        self._is_loaded = asyncio.Event()
        self._changed = asyncio.Event()
        self._child = 0
        self._is_ending = False
        self._at = saved_state.saved_at(self._folder)
        self.error: str | None = None

    def take_over(self) -> None:
        """Read what is saved (``Unreadable`` if that can't be done), and let ministack save and load by this object."""
        saved = saved_state.read(self._folder)
        if saved is not None:
            self._states = {service: _decoded(service, CODEC.loads, text) for service, text in saved.states.items()}
        else:
            self._states = dict(_written_by_ministack(path) for path in self._files_of_ministack if path.exists())
        self._serve = ministack.app
        ministack.app = self._asgi
        ministack._load_persisted_state = self._load
        ministack.save_all = self._save_at_the_end

    def _load(self) -> None:
        """In place of ministack's own, which logs what it can't restore and starts without it."""
        out_of_order = {}
        for service, state in self._states.items():
            try:
                module = ministack._get_module(ministack._state_map[service])
                if isinstance(module, ministack._ErrorModule):
                    out_of_order[service] = state
                elif state:
                    module.load_persisted_state(state)
            except Exception as error:  # noqa: BLE001
                print(f"{self._folder}: {service} can't be restored ({error!r}).", file=sys.stderr, flush=True)
                os._exit(Unreadable.STATUS)
        self._states = out_of_order
        self._is_loaded.set()
        self._changed.set()  # so that what can't be written to shows at once

    async def _asgi(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            saving = asyncio.create_task(self._save_again_and_again())
            await self._serve(scope, receive, send)
            saving.cancel()
            if self._is_ending:  # at once: from here on, one more SIGTERM would change the exit status
                os._exit(NOT_SAVED if self.error else 0)
        elif scope["type"] == "http" and scope["path"] == STATUS:
            await _respond(send, 200, {"at": self._at, "error": self.error})
        elif scope["type"] == "http" and _is_for_ministacks_developers(scope):
            await _respond(send, 403, {"message": "Not available here: anybody's web page could ask for it."})
        else:
            await self._serve(scope, receive, send)
            if scope["type"] == "http" and _may_change_something(scope):
                self._changed.set()

    async def _save_again_and_again(self) -> None:
        await self._is_loaded.wait()
        while not self._is_ending:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), IDLE_PAUSE)
            self._changed.clear()
            started = time.monotonic()
            self._start_saving()
            while self._child and not self._is_ending and not self._ended(os.WNOHANG):
                await asyncio.sleep(0.01)
            if self.error:
                self._changed.set()
                await asyncio.sleep(RETRY_PAUSE)
            else:
                await asyncio.sleep(max(PAUSE, SHARE * (time.monotonic() - started)))

    def _save_at_the_end(self, _services: Mapping[str, Callable[[], Any]]) -> None:
        """In place of ministack's own, once it serves no more."""
        self._is_ending = True
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._child = 0
        self._start_saving()
        if self._child:
            self._ended(0)

    def _start_saving(self) -> None:
        """Fork a child that saves what is in memory now, and tells through a pipe why it failed, if it does."""
        self._next_at = saved_state.now()
        try:
            self._report, child_end = os.pipe()
        except OSError as error:
            self._failed(error.strerror or str(error))
            return
        try:
            self._child = os.fork()
            if not self._child:
                self._save_and_exit(child_end)
        except OSError as error:
            os.close(self._report)
            self._failed(error.strerror or str(error))
        os.close(child_end)

    def _ended(self, options: int) -> bool:
        """Whether the child has ended; then notes how."""
        child, status = os.waitpid(self._child, options)
        if not child:
            return False
        self._child = 0
        with os.fdopen(self._report, "rb") as file:
            why = file.read().decode()
        if status == 0:
            self._at, self.error = self._next_at, None
        else:
            self._failed(why or f"the save ended with status {os.waitstatus_to_exitcode(status)}")
        return True

    def _failed(self, why: str) -> None:
        if why != self.error:
            with contextlib.suppress(OSError):  # the disk that is full may hold the log too
                print(why, file=sys.stderr, flush=True)
        self.error = why

    def _save_and_exit(self, report: int) -> NoReturn:
        """What the child does. It shares files and sockets with its parent, so it touches none of them."""
        status = 1
        try:
            gc.disable()  # it would touch, and so copy, every page
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # its group gets them too, and the save is to be finished
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(SAVE_SECONDS)  # should another thread have held a lock at the fork
            self._save()
            status = 0
        except OSError as error:
            os.write(report, (error.strerror or str(error)).encode())
        except Exception as error:  # noqa: BLE001
            os.write(report, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(status)

    def _save(self) -> None:
        used_code: set[str] = set()
        functions: Any = sys.modules.get("ministack.services.lambda_svc")
        if functions is not None:
            # It would remove code that what is saved now still needs, before the new state is complete.
            prune, functions._prune_orphan_code_blobs = functions._prune_orphan_code_blobs, used_code.update
        states = {}
        for service, get_state in ministack._build_persistence_save_dict().items():
            state = get_state()
            if state is None:  # a service that could not be imported
                state = self._states.get(service)
            if state is not None:
                states[service] = CODEC.dumps(state)
        saved_state.write(self._folder, Saved(self._next_at, states))
        for path in self._files_of_ministack:
            path.unlink(missing_ok=True)
        if functions is not None:
            prune(used_code)


async def _respond(send: Send, status: int, content: dict[str, Any]) -> None:
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_for_ministacks_developers(scope: dict[str, Any]) -> bool:
    """Resetting everything, among others: no credentials are asked for, and a browser sends it for any page."""
    return scope["path"].startswith(("/_ministack", "/_localstack")) and scope["method"] not in ("GET", "HEAD")


def _may_change_something(scope: dict[str, Any]) -> bool:
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return False
    target = next((value for name, value in scope["headers"] if name == b"x-amz-target"), b"").decode("latin-1")
    return not target.partition(".")[2].startswith(READING)


def _decoded(service: str, decode: Callable[[str], Any], text: str) -> Any:
    try:
        return decode(text)
    except Exception as error:  # noqa: BLE001
        raise Unreadable(f"{service} can't be understood ({type(error).__name__}).") from None


def _written_by_ministack(path: Path) -> tuple[str, Any]:
    """A service and its state, which ministack saved in its own format before Roster did."""
    state = _decoded(path.stem, lambda text: json.loads(text, object_hook=_mark_or_object), path.read_text())
    return path.stem, state["payload"] if "__ministack_format__" in state else state


def _mark_or_object(value: dict[str, Any]) -> Any:
    """Read ministack's marks where they have exactly the shape that it writes; it would take any member of these names.

    In a table's items, a client's members can't have that shape: each of their values is an object (``{"S": …}``).
    """
    is_mark = (
        (value.keys() == {"__bytes__"} and isinstance(value["__bytes__"], str))
        or (value.keys() == {"__scoped__", "data"} and value["__scoped__"] is True)
        or (value.keys() == {"__account_region_scoped__", "data"} and value["__account_region_scoped__"] is True)
    )
    return persistence._json_object_hook(value) if is_mark else value
