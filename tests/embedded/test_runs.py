"""How a run that uses a state folder is recognized, locks out others, and is stopped."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest

from embedded import processes, runs
from embedded.processes import Identity, Process
from infra.failure import Failure

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


@contextmanager
def process(command=SLEEP):
    """Start a process, and yield it and its identity."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout.readline() == "up\n"
        yield started, Identity.of(started.pid)
        started.kill()


class TestIdentity:
    def test_a_process_is_not_alive_once_it_has_exited_even_if_nobody_has_waited_for_it(self):
        with process() as (started, identity):
            assert identity.is_alive
            assert identity == Identity.of(started.pid)
            started.kill()
            os.waitid(os.P_PID, started.pid, os.WEXITED | os.WNOWAIT)
            assert not identity.is_alive

    def test_a_process_that_reuses_a_number_is_not_the_same_process(self):
        with process() as (started, identity):
            stranger = replace(identity, started="earlier")
            assert not stranger.is_alive
            stranger.signal(signal.SIGKILL)
            time.sleep(0.1)
            assert started.poll() is None

    def test_a_number_without_a_process_is_an_error(self):
        with pytest.raises(ProcessLookupError):
            Identity.of(2**22 + 1)


class TestLooking:
    def test_an_empty_or_missing_folder_has_no_run(self, tmp_path):
        assert runs.look(tmp_path) is None
        assert runs.look(tmp_path / "none") is None

    def test_a_note_names_the_process_its_children_and_the_stack(self, tmp_path):
        with process() as (_, child):
            runs.note(tmp_path, [child], {"api": "http://127.0.0.1:1"})
            run = runs.look(tmp_path)
            assert run.is_alive
            assert run.leftovers == [child]
            assert run.stack == {"api": "http://127.0.0.1:1"}
        assert run.leftovers == []
        runs.forget(tmp_path)
        assert runs.look(tmp_path) is None

    @pytest.mark.parametrize("note", ["", "{", "[]", '{"api": "", "aws_port": 1, "outputs": {}, "pid": 1}', "\udcff"])
    def test_an_unreadable_note_is_ignored(self, tmp_path, note):
        (tmp_path / runs.NOTE).write_bytes(note.encode(errors="surrogateescape"))
        assert runs.look(tmp_path) is None

    def test_looking_never_prevents_a_run_from_starting(self, tmp_path):
        done = threading.Event()

        def look():
            while not done.is_set():
                runs.look(tmp_path)

        lookers = [threading.Thread(target=look) for _ in range(4)]
        for looker in lookers:
            looker.start()
        try:
            for _ in range(200):
                with runs.locked(tmp_path, print):
                    runs.note(tmp_path)
        finally:
            done.set()
            for looker in lookers:
                looker.join()


class TestLock:
    def test_a_new_run_waits_for_one_that_is_about_to_exit(self, tmp_path):
        with runs.locked(tmp_path, print) as lock:
            held = os.dup(lock.fileno())  # the note is gone, but the lock is still held
        threading.Timer(0.3, os.close, [held]).start()
        with runs.locked(tmp_path, print):
            pass

    def test_a_second_run_is_rejected(self, tmp_path):
        with runs.locked(tmp_path, print):
            runs.note(tmp_path)
            with pytest.raises(Failure, match="already running"), runs.locked(tmp_path, print):
                pass

    def test_a_new_run_waits_until_the_children_of_a_killed_run_have_exited(self, tmp_path):
        messages: list[str] = []
        with process() as (child, identity):
            with runs.locked(tmp_path, print) as lock:
                held = os.dup(lock.fileno())  # as the embedded AWS holds it
                dead = runs.Run(Identity(os.getpid(), "earlier"), (identity,))
                runs.note(tmp_path, [identity])
                note = (tmp_path / runs.NOTE).read_text()
                (tmp_path / runs.NOTE).write_text(note.replace(Identity.of(os.getpid()).started, dead.process.started))

            def end():
                child.kill()
                os.close(held)

            threading.Timer(0.3, end).start()
            with runs.locked(tmp_path, messages.append):
                assert messages == ["An earlier run was killed. Waiting for it to save and exit …"]
                assert not identity.is_alive

    def test_a_run_of_version_0_1_0_is_recognized_by_its_lock_on_the_note(self, tmp_path):
        with (tmp_path / runs.NOTE).open("w") as note:
            fcntl.flock(note, fcntl.LOCK_EX)
            with pytest.raises(Failure, match="already running"), runs.locked(tmp_path, print):
                pass


class TestStopping:
    def test_the_children_of_a_killed_run_are_stopped(self):
        with process() as (child, identity):
            runs.stop(runs.Run(Identity(os.getpid(), "earlier"), (identity,)))
            assert child.wait(5) == -signal.SIGTERM

    def test_a_process_that_does_not_exit_is_killed_and_reported(self):
        with process(DEAF) as (child, identity):
            with pytest.raises(Failure, match="was killed"):
                runs.stop(runs.Run(identity), seconds=0.3)
            assert child.wait(5) == -signal.SIGKILL


PARENT = """
import pathlib, sys, time
from embedded.processes import ON_LEASH, Process
script = pathlib.Path(sys.argv[1])
child = Process("child", [sys.executable, "-m", "embedded.leash", str(script)], {}, log=script.with_suffix(".log"),
                **ON_LEASH)
print(child.identity.pid, flush=True)
time.sleep(60)
"""


class TestAnswering:
    def test_a_response_from_another_process_does_not_count(self):
        server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        with Process("It", SLEEP, os.environ) as waiting, pytest.raises(Failure, match="did not respond"):
            waiting.wait_until_answering(f"http://127.0.0.1:{server.server_port}/", seconds=0.5)
        server.server_close()


class TestLeash:
    def test_a_leashed_process_gets_sigterm_when_its_parent_is_killed(self, tmp_path):
        script = tmp_path / "child.py"
        script.write_text(
            "import signal, sys, time\n"
            "signal.signal(signal.SIGTERM, lambda *_: (print('shut down cleanly', flush=True), sys.exit()))\n"
            "print('up', flush=True)\n"
            "time.sleep(60)\n"
        )
        command = [sys.executable, "-c", PARENT, str(script)]
        with subprocess.Popen(command, cwd=processes.PROJECT, stdout=subprocess.PIPE, text=True) as parent:
            child = Identity.of(int(parent.stdout.readline()))
            log = script.with_suffix(".log")
            until(lambda: log.read_text() == "up\n")
            parent.kill()
        until(lambda: not child.is_alive)
        assert log.read_text() == "up\nshut down cleanly\n"

    def test_it_exits_with_the_status_of_its_program(self, tmp_path):
        script = tmp_path / "child.py"
        script.write_text("import sys; sys.exit(7)")
        child = Process("child", [sys.executable, "-m", "embedded.leash", str(script)], {}, stdin=subprocess.PIPE)
        until(lambda: not child.is_running)
        assert child.stop() == 7


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
