"""Saves ministack's state while it runs and when it exits, and loads it at the start: all of it, or none.

ministack itself saves only when it exits, service by service, and skips whatever it can't save or read. Here, a forked
child saves a snapshot of the memory, so requests wait only for the fork, a few milliseconds. This module uses
ministack's internals, so ``__main__.py`` requires one exact version.
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

from embedded.emulator import NOT_SAVED, PAUSE, STATUS, saved_state
from embedded.emulator.saved_state import Saved, Unreadable
from embedded.emulator.state_json import Codec

SHORTEST_PAUSE = 0.5
"""Seconds from the end of a save to the next one, while anything changes. Longer if saves are slow."""
IDLE_PAUSE = 15.0
"""Seconds after which the state is saved even if no request changed it: schedules and queues may have."""
RETRY_PAUSE = 2.0
"""Seconds from a failed save to the next attempt."""
SAVE_SECONDS = 120
"""The time limit of a save, in seconds. ``GRACE`` is longer."""
SHARE = 4
"""The next save waits this many times as long as the last one took, so that saving uses at most 20 % of one CPU."""

READING = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "TransactGet")
"""What the names of operations that change nothing start with."""
CHANGING = ("GetTokensFromRefreshToken", "GetUserAttributeVerificationCode")
"""The exceptions: Cognito's operations that rotate a token or issue a code."""

CODEC = Codec(
    {
        "__account__": (AccountScopedDict, lambda value: value._data, AccountScopedDict.from_dict),
        "__account_region__": (AccountRegionScopedDict, lambda value: value._data, AccountRegionScopedDict.from_dict),
    }
)

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Keeper:
    """Saves ministack's state in a subfolder of ``state_dir``. ``error`` says why the last save failed, if it did."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / saved_state.FOLDER
        self._pause = _number(state_dir / PAUSE, SHORTEST_PAUSE)
        self._files_of_ministack = [state_dir / f"{service}.json" for service in ministack._state_map]
        self._states: dict[str, Any] = {}  # what was read; after loading, only what no service could load
        self._is_loaded = asyncio.Event()
        self._changed = asyncio.Event()
        self._child = 0
        self._is_ending = False
        self._at = saved_state.saved_at(self._folder)
        self.error: str | None = None

    def take_over(self) -> None:
        """Read the saved state (or raise ``Unreadable``), and replace ministack's functions for saving and loading."""
        saved = saved_state.read(self._folder)
        if saved is not None:
            self._states = {service: _decoded(service, CODEC.loads, text) for service, text in saved.states.items()}
        else:
            self._states = dict(_written_by_ministack(path) for path in self._files_of_ministack if path.exists())
        self._serve = ministack.app
        ministack.app = self._asgi
        ministack._load_persisted_state = self._load
        ministack.save_all = self._save_at_exit

    def _load(self) -> None:
        """Load the state. Replaces ministack's own function, which only logs what it can't restore."""
        unavailable = {}
        for service, state in self._states.items():
            try:
                module = ministack._get_module(ministack._state_map[service])
                if isinstance(module, ministack._ErrorModule):
                    unavailable[service] = state
                elif state:
                    module.load_persisted_state(state)
            except Exception as error:  # noqa: BLE001
                print(f"{self._folder}: {service} can't be restored ({error!r}).", file=sys.stderr, flush=True)
                os._exit(Unreadable.STATUS)
        self._states = unavailable
        self._is_loaded.set()
        self._changed.set()  # save at once, to report early if the folder can't be written to

    async def _asgi(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            saving = asyncio.create_task(self._save_repeatedly())
            await self._serve(scope, receive, send)
            saving.cancel()
            if self._is_ending:  # exit now, because another SIGTERM would change the exit status
                os._exit(NOT_SAVED if self.error else 0)
        elif scope["type"] == "http" and scope["path"] == STATUS:
            await _respond(send, 200, {"at": self._at, "error": self.error})
        elif scope["type"] == "http" and _is_administrative(scope):
            await _respond(send, 403, {"message": "Not available: any web page could send this request."})
        else:
            await self._serve(scope, receive, send)
            if scope["type"] == "http" and _may_change_something(scope):
                self._changed.set()

    async def _save_repeatedly(self) -> None:
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
                await asyncio.sleep(max(self._pause, SHARE * (time.monotonic() - started)))

    def _save_at_exit(self, _services: Mapping[str, Callable[[], Any]]) -> None:
        """Save for the last time, after the last request. Replaces ministack's own function."""
        self._is_ending = True
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._child = 0
        self._start_saving()
        if self._child:
            self._ended(0)

    def _start_saving(self) -> None:
        """Fork a child that saves the current state. If it fails, it writes the reason to a pipe."""
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
        """Return whether the child has exited. If so, record the result."""
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
            with contextlib.suppress(OSError):  # the log may be on the same full disk
                print(why, file=sys.stderr, flush=True)
        self.error = why

    def _save_and_exit(self, report: int) -> NoReturn:
        """Save and exit, in the child. It shares files and sockets with its parent, so it must not use them."""
        status = 1
        try:
            gc.disable()  # a collection would touch, and so copy, every memory page
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # the whole process group gets them, but the save must finish
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(SAVE_SECONDS)  # ends a deadlock, if another thread held a lock at the fork
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
            # Delay this: until the new save is complete, the previous one still needs the code that would be removed.
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


def _number(path: Path, default: float) -> float:
    """Return the number in a file, or ``default`` if it does not exist."""
    return float(path.read_text()) if path.exists() else default


async def _respond(send: Send, status: int, content: dict[str, Any]) -> None:
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_administrative(scope: dict[str, Any]) -> bool:
    """Return whether this is a request such as a reset, which needs no credentials: any web page could send it."""
    return scope["path"].startswith(("/_ministack", "/_localstack")) and scope["method"] not in ("GET", "HEAD")


def _may_change_something(scope: dict[str, Any]) -> bool:
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return False
    target = next((value for name, value in scope["headers"] if name == b"x-amz-target"), b"").decode("latin-1")
    operation = target.partition(".")[2]
    return operation in CHANGING or not operation.startswith(READING)


def _decoded(service: str, decode: Callable[[str], Any], text: str) -> Any:
    try:
        return decode(text)
    except Exception as error:  # noqa: BLE001
        raise Unreadable(f"{service} can't be decoded ({type(error).__name__}).") from None


def _written_by_ministack(path: Path) -> tuple[str, Any]:
    """Return a service and its state from a file in ministack's own format, which Roster used to keep."""
    state = _decoded(path.stem, lambda text: json.loads(text, object_hook=_mark_or_object), path.read_text())
    return path.stem, state["payload"] if "__ministack_format__" in state else state


def _mark_or_object(value: dict[str, Any]) -> Any:
    """Decode an object as a mark of ministack only if it has exactly the shape that ministack writes.

    ministack itself decodes any object with a member of these names. The members of a table's items can't have that
    shape, because each of their values is an object (``{"S": …}``).
    """
    is_mark = (
        (value.keys() == {"__bytes__"} and isinstance(value["__bytes__"], str))
        or (value.keys() == {"__scoped__", "data"} and value["__scoped__"] is True)
        or (value.keys() == {"__account_region_scoped__", "data"} and value["__account_region_scoped__"] is True)
    )
    return persistence._json_object_hook(value) if is_mark else value
