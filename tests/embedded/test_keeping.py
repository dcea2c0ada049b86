"""`make run` keeps its data through restarts, kills, full disks and hostile documents."""

import os
import signal
import stat
import threading
import time

import boto3
import httpx
import psutil
import pytest
from botocore.config import Config

from embedded import aws, processes, runs, stack
from embedded.aws import NotSaved
from embedded.emulator import saved_state
from infra.failure import Failure
from tests.embedded.test_make_run import Run, get, make

HOSTILE = {
    "__bytes__": 1,
    "__scoped__": True,
    "__account_region_scoped__": {"__bytes__": "eA=="},
    "data": {"0\x00us-east-1\x00'x'": [{"__bytes__": None}, {"__pairs__": [["a", 1]]}]},
    "__ministack_format__": 99,
    "payload": {},
    "nested": {"__scoped__": {"__bytes__": []}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("keeping")


def kill(run):
    """Send SIGKILL to `make run`, but not to the processes that it has started. Return those."""
    main = runs.look(run.state).process
    started = [processes.Identity.of(process.pid) for process in run.processes() if process.pid != main.pid]
    main.signal(signal.SIGKILL)
    run._make.wait(10)
    return started


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TestRun:
    def test_a_killed_run_leaves_no_processes_and_loses_no_data(self, folder):
        state = folder / "killed"
        run = Run(state)
        token = run.token(EMAIL="user@example.com")
        sub = get(run.api, "/", token).json()["sub"]
        headers = {"Authorization": f"Bearer {token}"}
        stored = httpx.put(f"{run.api}/users/{sub}", headers=headers, json=HOSTILE).json()
        started = kill(run)
        assert len(started) >= 2

        again = Run(state, run.ports)
        assert not any(process.is_alive for process in started)
        assert "The last run did not shut down cleanly. Continuing with the state saved at" in again.output
        assert get(again.api, f"/users/{sub}", token).json() == stored
        assert stored.items() >= HOSTILE.items()
        again.interrupt()
        assert (
            make("stop", STATE_DIR=state).splitlines()[0]
            == f"Nothing to stop: Roster is not running with its state in {state}."
        )

    def test_only_the_owner_can_read_the_state(self, folder):
        for path in [folder / "killed", *(folder / "killed").rglob("*")]:
            mode = path.stat().st_mode
            if path.is_dir() or path.parent.name == "saved" or path.suffix in (".log", ".json", ".pem"):
                assert not mode & (stat.S_IRWXG | stat.S_IRWXO), path

    def test_make_stop_stops_what_a_killed_run_left_behind(self, folder):
        state = folder / "left"
        run = Run(state)
        run.processes()  # waits for the housekeeping, which needs the embedded AWS
        (emulator,) = [child for child in runs.look(state).children if "embedded.emulator" in command(child)]
        psutil.Process(emulator.pid).suspend()  # otherwise it exits by itself
        left = kill(run)
        assert emulator in left
        assert emulator.is_alive
        threading.Timer(4, lambda: psutil.Process(emulator.pid).resume()).start()
        output = make("stop", STATE_DIR=state)
        assert output.startswith("Cleaned up after a run that was killed.")
        assert not emulator.is_alive


def command(identity):
    return psutil.Process(identity.pid).cmdline()


@pytest.fixture
def say():
    return []


class Emulator:
    """A running embedded AWS, to store items in and read them back."""

    def __init__(self, running):
        self.aws_port = running.aws_port
        self.table, self.bucket = running.outputs["UsersTable"], running.outputs["ArtifactsBucket"]
        self.dynamodb = aws.client("dynamodb", running.aws_port)

    def put(self, userid, **members):
        self.dynamodb.put_item(TableName=self.table, Item={"userid": {"S": userid}, **members})

    def get(self, userid):
        return self.dynamodb.get_item(TableName=self.table, Key={"userid": {"S": userid}}).get("Item")

    def saved(self):
        """Return its report on the last save."""
        return httpx.get(f"{aws.endpoint(self.aws_port)}/_roster/saved", trust_env=False).json()

    def is_saved(self):
        """Wait until everything stored so far is saved."""
        now = saved_state.now()
        self.put("marker")
        wait_for(lambda: self.saved()["at"] and self.saved()["at"] > now)
        return True


def running(state, say):
    return stack.aws_running(processes.free_port(), state, say.append)


def pid_of(state):
    return runs.look(state).children[0].pid


class TestSaving:
    def test_saved_data_survives_a_power_failure(self, folder, say):
        state = folder / "cut"
        with running(state, say) as (roster, process):
            emulator = Emulator(roster)
            emulator.put("before", document={"M": {"__bytes__": {"N": "1"}}})
            aws.client("s3", roster.aws_port).put_object(Bucket=emulator.bucket, Key="a/b", Body=b"\x00\xff")
            assert emulator.is_saved()
            os.kill(pid_of(state), signal.SIGKILL)
            wait_for(lambda: not process.is_running)
        assert runs.look(state) is not None  # the next run can tell that this one did not shut down cleanly
        with running(state, say) as (roster, _):
            emulator = Emulator(roster)
            assert emulator.get("before")["document"] == {"M": {"__bytes__": {"N": "1"}}}
            kept = aws.client("s3", roster.aws_port).get_object(Bucket=emulator.bucket, Key="a/b")
            assert kept["Body"].read() == b"\x00\xff"
            assert httpx.post(f"{roster.aws}/_ministack/reset", trust_env=False).status_code == 403
            assert emulator.get("before")
            with pytest.raises(emulator.dynamodb.exceptions.ClientError, match="security token"):
                stranger(roster).list_tables()
        assert any("did not shut down cleanly" in line for line in say)
        assert runs.look(state) is None

    def test_a_failed_save_is_reported_and_keeps_the_previous_state(self, folder, say):
        state = folder / "full"

        def until_the_disk_is_full():
            with running(state, say) as (roster, _):
                emulator = Emulator(roster)
                with full_disk(state):
                    emulator.put("before")
                    wait_for(lambda: aws.failure_to_save(roster.aws_port) == "File too large")
                wait_for(lambda: aws.failure_to_save(roster.aws_port) == "")
                assert emulator.is_saved()
                full_disk(state).__enter__()
                emulator.put("after")

        with pytest.raises(NotSaved) as failure:
            until_the_disk_is_full()
        assert "could not save its state (File too large)" in str(failure.value)
        assert f"{state} contains everything stored until {aws.saved_at(state)}." in str(failure.value)
        with running(state, say) as (roster, _):
            assert Emulator(roster).get("before")
            assert not Emulator(roster).get("after")

    def test_a_save_that_cannot_start_is_reported_too(self, folder, say):
        state = folder / "no-descriptors"

        def until_no_file_can_be_opened():
            with running(state, say) as (roster, _):
                emulator = Emulator(roster)
                assert emulator.is_saved()
                emulator_process = psutil.Process(pid_of(state))
                emulator_process.rlimit(psutil.RLIMIT_NOFILE, (3, emulator_process.rlimit(psutil.RLIMIT_NOFILE)[1]))
                emulator.put("after")

        with pytest.raises(NotSaved, match="Too many open files"):
            until_no_file_can_be_opened()

    def test_a_second_sigterm_does_not_interrupt_the_last_save(self, folder, say):
        state = folder / "no-descriptors"
        with running(state, say) as (roster, _):
            emulator = Emulator(roster)
            emulator.put("last")
            now = saved_state.now()
            os.kill(pid_of(state), signal.SIGTERM)
        assert (aws.saved_at(state) or "") > now
        assert runs.look(state) is None

    def test_a_truncated_file_is_written_again(self, tmp_path):
        saved = saved_state.Saved(saved_state.now(), {"sqs": "{}"})
        saved_state.write(tmp_path, saved)
        next(tmp_path.glob("sqs-*")).write_text("")
        saved_state.write(tmp_path, saved)
        assert saved_state.read(tmp_path) == saved

    def test_an_unreadable_state_prevents_the_start_and_is_left_unchanged(self, folder, say):
        state = folder / "full"
        (damaged,) = (state / "aws" / "saved").glob("dynamodb-*")
        damaged.write_bytes(damaged.read_bytes()[:-1])
        before = {path: path.read_bytes() for path in (state / "aws" / "saved").iterdir()}
        with pytest.raises(Failure) as failure, running(state, say):
            pass
        assert f"The state in {state} can't be read: {damaged.absolute()} is damaged" in str(failure.value)
        assert "move it away to start with an empty state" in str(failure.value)
        assert {path: path.read_bytes() for path in (state / "aws" / "saved").iterdir()} == before

    def test_a_state_that_ministack_itself_saved_is_imported(self, folder, say):
        state = folder / "older"
        document = {"M": {"__bytes__": {"N": "1"}, "deep": {"M": {"__scoped__": {"BOOL": True}, "data": {"S": "x"}}}}}
        port, own = processes.free_port(), state / "aws"
        environ = {**os.environ, "BIND_HOST": processes.HOST, "GATEWAY_PORT": str(port), "PERSIST_STATE": "1"}
        environ |= {"STATE_DIR": str(own), "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
        own.mkdir(parents=True)
        with processes.Process("ministack", [str(aws.PYTHON.parent / "ministack")], environ) as ministack:
            ministack.wait_until_answering(f"{aws.endpoint(port)}/_ministack/health", 60)
            client = aws.client("dynamodb", port)
            client.create_table(
                TableName="old",
                AttributeDefinitions=[{"AttributeName": "userid", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "userid", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )
            client.put_item(TableName="old", Item={"userid": {"S": "x"}, "document": document})
        assert (own / "dynamodb.json").exists()
        (state / "running.json").write_text('{"api": "", "aws_port": 1, "outputs": {}, "pid": 1}')
        with running(state, say) as (roster, _):
            item = aws.client("dynamodb", roster.aws_port).get_item(TableName="old", Key={"userid": {"S": "x"}})
            assert item["Item"]["document"] == document
        assert not (own / "dynamodb.json").exists()
        assert aws.saved_at(state)


class full_disk:  # noqa: N801
    """Make writing to files fail, as on a full disk."""

    def __init__(self, state):
        self._process = psutil.Process(pid_of(state))

    def __enter__(self):
        self._before = self._process.rlimit(psutil.RLIMIT_FSIZE)
        self._process.rlimit(psutil.RLIMIT_FSIZE, (64, self._before[1]))

    def __exit__(self, *_):
        self._process.rlimit(psutil.RLIMIT_FSIZE, self._before)


def stranger(roster):
    """Return a client with unknown credentials."""
    session = boto3.session.Session("AKIAIOSFODNN7EXAMPLE", "of-nobody")
    config = Config(proxies={})
    return session.client("dynamodb", region_name=aws.REGION, endpoint_url=aws.endpoint(roster.aws_port), config=config)
