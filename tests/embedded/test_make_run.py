"""`make run` and `make token`, as used from a terminal."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from embedded import accounts, aws, processes, stack

PROJECT = Path(__file__).parent.parent.parent
# -o: make must not recreate the virtual environments, in which these tests run.
MAKE = ["make", "-o", ".venv", "-o", ".venv-embedded"]
PORTS = ["PORT", "EMBEDDED_AWS_PORT", "DOCS_PORT"]


class Run:
    """A `make run` in its own terminal (a process group)."""

    def __init__(self, state, ports=None):
        self.ports = ports or free_ports()
        self.api, self.aws, self.docs = (f"http://127.0.0.1:{port}" for port in self.ports.values())
        self.state = state
        arguments = [f"{name}={value}" for name, value in {**self.ports, "STATE_DIR": state}.items()]
        self._output = state.with_suffix(".txt")
        with self._output.open("w") as output:
            self._make = subprocess.Popen(
                [*MAKE, "run", *arguments],
                cwd=PROJECT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while "Press Ctrl-C to stop it" not in self.output:
            assert self._make.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)

    @property
    def output(self):
        """What has been printed so far."""
        return self._output.read_text()

    def interrupt(self):
        """Send Ctrl-C, and return when everything has exited."""
        os.killpg(self._make.pid, signal.SIGINT)
        self._make.wait(40)

    def processes(self):
        """Return all processes that it has started, when the housekeeping has run."""
        deadline = time.monotonic() + 60
        while True:
            assert time.monotonic() < deadline, self.output
            with suppress(psutil.NoSuchProcess):
                found = psutil.Process(self._make.pid).children(recursive=True)
                if " housekeeping removed=" in self.output and not any(map(is_housekeeping, found)):
                    return found
            time.sleep(0.1)

    def token(self, **variables):
        """Return what `make -s token` prints."""
        return make("-s", "token", STATE_DIR=self.state, **variables)


def is_housekeeping(process):
    """Return whether a process runs the housekeeping."""
    return any(argument.endswith("housekeeping.py") for argument in process.cmdline())


def make(*targets, **variables):
    """Run make and return its output."""
    command = [*MAKE, *targets, *(f"{name}={value}" for name, value in variables.items())]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    return (done.stdout + done.stderr).strip()


def free_ports():
    """Return free ports for a run, by make variable."""
    return {variable: processes.free_port() for variable in PORTS}


@contextmanager
def listening():
    """Listen on a port, and yield its number."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("make-run")


@pytest.fixture(scope="module")
def run(folder):
    # The folder's name has characters that are special to a shell or to make.
    started = Run(folder / "o'brien's $(touch canary) & state!")
    yield started
    started.interrupt()


def get(api, path, token):
    return httpx.get(f"{api}{path}", headers={"Authorization": f"Bearer {token}"}, trust_env=False)


def test_it_prints_its_progress_and_the_addresses(run):
    for text in ("Starting the embedded AWS", "Deploying the backend stack", "Starting the API"):
        assert text in run.output
    for text in (
        f"{run.api}/console",
        run.aws,
        run.docs,
        f"{run.docs}/mail",
        "admin@example.com",
        "user@example.com",
        accounts.PASSWORD,
    ):
        assert text in run.output


def test_the_housekeeping_runs_at_the_start_and_exits(run):
    assert run.processes()
    assert run.output.count(" housekeeping removed=") == 1


def test_the_three_printed_commands_work_when_pasted(run):
    commands = re.findall(r"^  (curl .*)$", run.output, re.MULTILINE)
    answers = [
        # The printed commands call plain `make`; see MAKE for the options.
        subprocess.run(
            ["bash", "-c", command.replace("make -s", " ".join([*MAKE, "-s"]))],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in commands
    ]
    assert len(answers) == 3
    assert "401 Unauthorized" in answers[0]
    assert json.loads(answers[1]) == []
    assert json.loads(answers[2])["message"] == "Hello, Jane Doe! You are signed in to Roster."


def test_everything_listens_on_loopback_only(run):
    listening_at = {
        connection.laddr
        for process in run.processes()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening_at == {("127.0.0.1", port) for port in run.ports.values()}


def test_the_demo_admin_is_an_admin_and_the_demo_user_is_not(run):
    assert get(run.api, "/users", run.token()).status_code == 200
    assert get(run.api, "/users", run.token(EMAIL="user@example.com")).status_code == 403


def test_a_wrong_password_is_reported_in_one_sentence(run):
    output = run.token(PASSWORD="wrong-Password-1")
    assert output.splitlines()[0] == "admin@example.com can't sign in: Incorrect username or password."
    assert "Traceback" not in output


def test_an_account_created_by_an_administrator_sets_a_new_password_at_the_first_sign_in(run):
    pool = stack.find(run.state).outputs["UserPool"]
    cognito = aws.client("cognito-idp", run.ports["EMBEDDED_AWS_PORT"])
    cognito.admin_create_user(
        UserPoolId=pool,
        Username="new@example.com",
        TemporaryPassword="Temporary-pass-1",
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "email", "Value": "new@example.com"}, {"Name": "name", "Value": "New"}],
    )
    first = run.token(EMAIL="new@example.com", PASSWORD="Temporary-pass-1", NEW_PASSWORD="My-own-pass-1")
    assert get(run.api, "/", first).json()["email"] == "new@example.com"
    assert "can't sign in" in run.token(EMAIL="new@example.com", PASSWORD="Temporary-pass-1")
    again = run.token(EMAIL="new@example.com", PASSWORD="My-own-pass-1")
    assert get(run.api, "/", again).status_code == 200


def test_an_account_can_have_any_email_and_any_password(run):
    email, password = "o'brien+a&b@example.com", "`$(PORT)' a$b\\#\" ünï-Passw0rd"
    cognito = aws.client("cognito-idp", run.ports["EMBEDDED_AWS_PORT"])
    pool = stack.find(run.state).outputs["UserPool"]
    attributes = [{"Name": "email", "Value": email}, {"Name": "name", "Value": "O'Brien"}]
    cognito.admin_create_user(UserPoolId=pool, Username=email, MessageAction="SUPPRESS", UserAttributes=attributes)
    cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
    token = run.token(EMAIL=email, PASSWORD=password)
    assert get(run.api, "/", token).json()["email"] == email


@pytest.mark.parametrize("given", [{"PASSWORD": ""}, {"EMAIL": ""}, {"EMAIL": os.fsdecode(b"\xff")}], ids=str)
def test_unknown_credentials_are_reported_in_one_sentence(run, given):
    assert "can't sign in" in run.token(**given).splitlines()[0]


def test_the_state_folder_is_private_and_ignored_by_git(run):
    assert run.state.stat().st_mode & 0o777 == 0o700
    assert (run.state / ".gitignore").read_text().splitlines()[-1] == "*"


@pytest.mark.parametrize("ports", ["other", "same"])
def test_a_second_run_with_the_same_state_is_rejected(run, ports):
    output = make("run", STATE_DIR=run.state, **(free_ports() if ports == "other" else run.ports))
    assert "already running" in output
    assert "STATE_DIR" in output


@pytest.mark.parametrize("variable", PORTS)
def test_a_port_in_use_is_reported_with_an_alternative(folder, variable):
    with listening() as port:
        output = make("run", STATE_DIR=folder / "other", **{**free_ports(), variable: port})
    first = output.splitlines()[0]
    assert re.fullmatch(rf"Port {port} is in use by another program\. Choose another, such as {variable}=\d+", first)


def test_using_the_same_port_twice_is_reported_in_one_sentence(folder):
    port = processes.free_port()
    output = make("run", STATE_DIR=folder / "other", **{**free_ports(), "PORT": port, "DOCS_PORT": port})
    first = output.splitlines()[0]
    assert re.fullmatch(rf"PORT, EMBEDDED_AWS_PORT and DOCS_PORT are {port}, \d+ and {port}: .*", first)


@pytest.mark.parametrize("port", ["zero", "0", "65536", "-1"])
def test_an_invalid_port_is_reported_in_one_sentence(folder, port):
    output = make("run", STATE_DIR=folder / "other", PORT=port)
    assert output.splitlines()[0] == f"PORT is {port}: a port is a number from 1 to 65535."


def test_make_token_fails_in_one_sentence_if_roster_is_not_running(folder):
    assert make("-s", "token", STATE_DIR=folder / "nothing").splitlines()[0].startswith("Roster is not running.")


def install(tmp_path, code, **environ):
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(PROJECT / 'embedded')!r}); import install; {code}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        check=False,
    )


def test_a_failed_download_is_reported_and_leaves_no_incomplete_environment(tmp_path):
    (tmp_path / "requirements.txt").write_text("a-package-that-nobody-has==1\n")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    done = install(tmp_path, "install.main('environment', 'requirements.txt')", **nowhere)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("The packages could not be downloaded or installed. See environment.log")
    assert (tmp_path / "environment.log").exists()
    assert not (tmp_path / "environment").exists()


class TestStopping:
    def test_ctrl_c_stops_everything_and_the_data_survives_a_restart(self, folder):
        state = folder / "restarted"
        first = Run(state)
        token = first.token(EMAIL="user@example.com")
        headers = {"Authorization": f"Bearer {token}"}
        sub = get(first.api, "/", token).json()["sub"]
        profile = httpx.post(f"{first.api}/user/profile", headers=headers, json={"theme": "dark"}).json()
        user = httpx.put(f"{first.api}/users/{sub}", headers=headers, json={"big": 10**30}).json()
        first.interrupt()
        assert f"Roster has stopped. Your data is kept in {state}." in first.output
        assert "Traceback" not in first.output
        for port in first.ports.values():
            with socket.create_server(("127.0.0.1", port)):
                pass  # nothing listens any more

        second = Run(state)
        assert get(second.api, "/user/profile", token).json() == profile  # the old token too, as the keys are kept
        fresh = second.token(EMAIL="user@example.com")
        assert get(second.api, f"/users/{sub}", fresh).json() == user
        second.interrupt()

    def test_if_the_api_exits_everything_else_is_stopped_too(self, folder):
        run = Run(folder / "dying")
        (api,) = [process for process in run.processes() if "local" in process.cmdline()]
        api.kill()
        run._make.wait(40)
        assert "The API exited unexpectedly, so everything else was stopped too." in run.output
        with socket.create_server(("127.0.0.1", run.ports["EMBEDDED_AWS_PORT"])):
            pass
