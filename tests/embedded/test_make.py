"""What make passes to programs, how it fails before anything is installed, and what `make clean` removes."""

import ast
import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embedded import clean, install, state
from embedded.commands import make_command
from infra.failure import Failure

PROJECT = Path(__file__).parent.parent.parent
BEFORE_INSTALLATION = [  # what runs before anything is installed, on Python 3.6 or newer
    *("embedded/__init__.py", "embedded/clean.py", "embedded/commands.py", "embedded/install.py", "embedded/state.py"),
    *("infra/__init__.py", "infra/failure.py"),
]
REQUIREMENTS = [
    *("requirements.txt", "requirements-dev.txt", "requirements-test.txt", "constraints.txt"),
    *("embedded/requirements.txt", "bench/requirements.txt"),
]
LEFT = [
    *(
        ".venv",
        ".venv-embedded",
        ".bench",
        ".clients",
        ".hypothesis",
        ".import_linter_cache",
        ".mypy_cache",
        ".pytest_cache",
    ),
    *(".ruff_cache", ".local", "__pycache__", "tests/unit/__pycache__", "embedded/__pycache__"),
]
VALUES = [
    *("a$b", "a$$b", "$@", "$(PORT)", "${PORT}", "$PORT", "$(error no)", "$(shell touch canary)"),
    *("`touch canary`", "$(touch canary)", "a; touch canary", "a & touch canary #", "' ; touch canary ; '"),
    *(
        '" ; touch canary ; "',
        "a\ntouch canary\n\ttouch canary\n",
        "o'brien@example.com",
        'say "hi"',
        "a&b@example.com",
    ),
    *("my state", "a\\#b\\", "", "-x", "--", ":=x", "(a,b)", "*", "~", "a!b", "trailing  ", "endif", "yes no"),
    *(" leading", "\n\tleading", "äöü€ 日本", "\x1b[1m%", os.fsdecode(b"\xff\xfe")),
]
SETTINGS = [
    *(
        "PORT",
        "EMBEDDED_AWS_PORT",
        "DOCS_PORT",
        "STATE_DIR",
        "EMAIL",
        "NAME",
        "PASSWORD",
        "NEW_PASSWORD",
        "STAGE",
        "DATA",
    ),
    *("ACCEPT", "CHROMIUM"),
]
PATH = f"{Path(sys.executable).resolve().parent}:{os.environ['PATH']}"  # pyenv's shims are slow
WAYS = ["command line", "environment"]
RECORD = r"""#!/bin/sh
test "$1" = -c && exit
{ printf '%s\0' "$#" "$@"; env -0; } > "$CALLS/$$"
"""


class Call:
    """A recorded call of a program: its arguments and its environment."""

    def __init__(self, record):
        count, *rest = [os.fsdecode(field) for field in record.read_bytes().split(b"\0")]
        self.arguments = rest[: int(count)]
        self.environ = dict(entry.split("=", 1) for entry in rest[int(count) : -1])


class Checkout:
    """A checkout with nothing installed."""

    def __init__(self, folder):
        self.folder = folder
        for name in ["Makefile", "embedded/python.sh", *BEFORE_INSTALLATION]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
        (folder / "bench").mkdir()
        for name in REQUIREMENTS:
            (folder / name).touch()
        self.home = folder.parent / "home"
        self._calls = folder.parent / "calls"
        self._calls.mkdir()

    def files(self):
        """Return the paths of all files and folders in it."""
        return sorted(path.relative_to(self.folder) for path in self.folder.rglob("*"))

    def install(self):
        """Put programs into `.venv` that record their calls."""
        for name in ("python", "ruff", "mypy", "lint-imports", "cfn-lint", "cog", "pytest"):
            self.program(f".venv/bin/{name}")
        (self.folder / ".venv/test").touch()
        (self.folder / ".venv/bench").touch()
        (self.folder / ".venv-embedded").mkdir()

    def program(self, name, text=RECORD):
        """Write an executable file and return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def make(self, *goals, way="command line", path=PATH, **settings):
        """Run make and return the completed process."""
        given = settings if way == "environment" else {}
        arguments = [] if way == "environment" else [f"{name}={value}" for name, value in settings.items()]
        return subprocess.run(
            [shutil.which("make") or "make", "-s", *goals, *arguments],
            cwd=self.folder,
            env={"PATH": path, "HOME": str(self.home), "CALLS": str(self._calls), **given},
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=30,
            check=False,
        )

    def calls(self, *goals, way, **settings):
        """Run make and return the recorded calls of programs."""
        for record in self._calls.iterdir():
            record.unlink()
        done = self.make(*goals, way=way, **settings)
        assert done.returncode == 0, done.stdout + done.stderr
        return [Call(record) for record in self._calls.iterdir()]


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    return Checkout(folder)


@pytest.fixture
def installed(checkout):
    checkout.install()
    return checkout


def failure(done):
    """Return the one sentence that a failed make prints, apart from make's own messages."""
    assert done.returncode != 0
    assert done.stdout == ""
    (sentence,) = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    return sentence


def git_status(folder):
    """Return the files that git would commit."""
    command = ["git", "-C", folder, "status", "--porcelain", "--ignored=no", "--untracked-files=all"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def pythons(minors, major=3):
    """Return the paths of the installed Pythons of these versions."""
    places = [*Path.home().glob(".pyenv/versions/*/bin"), Path("/usr/bin")]
    paths = [place / f"python{major}.{minor}" for minor in minors for place in places]
    return [str(path) for path in paths if path.exists()]


TOO_OLD = pythons(range(6, 11))


def only(calls, *words):
    """Return the only call whose arguments include these words."""
    (found,) = [call for call in calls if set(words) <= set(call.arguments)]
    return found


def arriving(value, way):
    """Return a value as programs receive it: make strips leading whitespace, but only on its command line."""
    return value.lstrip(" \t\n") if way == "command line" else value


@pytest.mark.parametrize("way", WAYS)
class TestValues:
    @pytest.mark.parametrize("first", range(len(VALUES)), ids=[ascii(value) for value in VALUES])
    def test_programs_receive_every_value_unchanged_and_nothing_is_executed(self, installed, way, first):
        # Each setting gets a different value. Over all tests, each setting gets every value.
        given = {name: VALUES[(first + 7 * index) % len(VALUES)] for index, name in enumerate(SETTINGS)}
        got = {name: arriving(value, way) for name, value in given.items()}
        embedded = ["-m", "embedded", f"--state={got['STATE_DIR']}"]

        calls = installed.calls(
            "run", "token", "stop", "deploy", "destroy", "outputs", "backend", "admin", "test", way=way, **given
        )
        ports = [f"--port={got['PORT']}", f"--aws-port={got['EMBEDDED_AWS_PORT']}", f"--docs-port={got['DOCS_PORT']}"]
        assert only(calls, "run").arguments == [*embedded, "run", *ports]
        token = only(calls, "token")
        assert token.arguments == [*embedded, "token", f"--email={got['EMAIL']}"]
        assert token.environ["PASSWORD"] == got["PASSWORD"]
        assert token.environ["NEW_PASSWORD"] == got["NEW_PASSWORD"]
        assert only(calls, "stop").arguments == [*embedded, "stop"]
        for command in ("deploy", "destroy", "outputs", "backend"):
            assert only(calls, command).arguments == ["-m", "infra", command, f"--stage={got['STAGE']}"]
        name = got["NAME"] if way == "command line" else ""
        options = [f"--stage={got['STAGE']}", f"--email={got['EMAIL']}", f"--name={name}"]
        assert only(calls, "admin").arguments == ["-m", "infra", "admin", *options]
        assert only(calls, "tests.browser.chromium").environ["CHROMIUM"] == got["CHROMIUM"]

        (local,) = installed.calls("outputs", way=way, **{**given, "STAGE": "local"})
        aws_port = f"--aws-port={got['EMBEDDED_AWS_PORT']}"
        assert local.arguments == [*embedded, "infra", aws_port, "outputs", "--stage=local"]

        for call in [*calls, local]:
            if call is not token:
                assert "PASSWORD" not in "".join(f"{name}={value}" for name, value in call.environ.items())
        assert not (installed.folder / "canary").exists()

    def test_without_settings_programs_receive_the_defaults_and_no_password(self, installed, way):
        calls = installed.calls("run", "token", "deploy", way=way)
        ports = ["--port=8000", "--aws-port=4566", "--docs-port=8080"]
        assert only(calls, "run").arguments == ["-m", "embedded", "--state=.local", "run", *ports]
        assert only(calls, "token").arguments == [
            "-m",
            "embedded",
            "--state=.local",
            "token",
            "--email=admin@example.com",
        ]
        assert "PASSWORD" not in "".join(only(calls, "token").environ)
        assert only(calls, "deploy").arguments == ["-m", "infra", "deploy", "--stage=dev"]

    def test_nobody_becomes_an_administrator_by_default(self, installed, way):
        (call,) = installed.calls("admin", way=way)
        assert call.arguments == ["-m", "infra", "admin", "--stage=dev", "--email=", "--name="]

    @pytest.mark.parametrize(("data", "options"), [("yes", ["--with-data"]), ("no", []), ("yes no", []), ("", [])])
    def test_data_is_destroyed_only_if_data_is_exactly_yes(self, installed, way, data, options):
        (call,) = installed.calls("destroy", way=way, DATA=data)
        assert call.arguments == ["-m", "infra", "destroy", "--stage=dev", *options]

    @pytest.mark.parametrize("target", ["deploy", "backend"])
    @pytest.mark.parametrize(("accept", "options"), [("yes", ["--accept-risks"]), ("no", []), ("yes no", []), ("", [])])
    def test_risks_are_accepted_only_if_accept_is_exactly_yes(self, installed, way, target, accept, options):
        (call,) = installed.calls(target, way=way, ACCEPT=accept)
        assert call.arguments == ["-m", "infra", target, "--stage=dev", *options]

    @pytest.mark.parametrize("name", VALUES[: VALUES.index("")], ids=ascii)
    def test_python_can_have_any_path(self, checkout, way, name):
        python = checkout.program(f"pythons/{name}")
        (call,) = checkout.calls("clean", way=way, PYTHON=str(python))
        assert call.arguments == ["-B", "-m", "embedded.clean"]
        assert not (checkout.folder / "canary").exists()

    def test_the_makefiles_own_variables_cannot_be_set(self, installed, way):
        text = (PROJECT / "Makefile").read_text()
        own = {*re.findall(r"\$\((\w+)\)", text), *re.findall(r"^override (\w+)", text, re.MULTILINE)} - {
            *SETTINGS,
            "PYTHON",
        }
        assert {"BIN", "EMBEDDED", "INFRA", "VENVS", "WITH_DATA", "ACCEPT_RISKS", "EMAIL_FOR_ADMIN"} <= own
        goals = ["run", "token", "outputs", "destroy", "admin", "test", "figures"]
        for stage in ("dev", "local"):
            plain = installed.calls(*goals, way=way, STAGE=stage)
            calls = installed.calls(*goals, way=way, STAGE=stage, **dict.fromkeys(own, "x; touch canary #"))
            assert sorted(call.arguments for call in calls) == sorted(call.arguments for call in plain)
        assert not (installed.folder / "canary").exists()


class TestPrintedCommands:
    @pytest.mark.parametrize("shell", [["sh"], ["bash", "--norc", "--noediting", "-i"]], ids=" ".join)
    def test_they_can_be_pasted_into_a_shell_whatever_the_values(self, installed, shell):
        commands = [f': "$({make_command("-s stop", STATE_DIR=value)})"\n' for value in VALUES]
        history = "set -o history -H\n" if "bash" in shell else ""
        calls = installed.folder.parent / "calls"
        environ = {"PATH": os.environ["PATH"], "CALLS": str(calls), "HISTFILE": os.devnull}
        script = os.fsencode(history + "".join(commands))
        done = subprocess.run(shell, input=script, cwd=installed.folder, env=environ, capture_output=True, check=False)
        got = {Call(record).arguments[2].partition("=")[2] for record in calls.iterdir()}
        assert got == set(VALUES), done.stderr
        assert not (installed.folder / "canary").exists()

    def test_an_exclamation_mark_is_never_inside_quotes(self):
        # Older versions of bash would expand it even in single quotes, if those are inside double quotes.
        assert make_command("run", STATE_DIR="a!b") == r"make run STATE_DIR='a'\!'b'"

    def test_defaults_are_left_out(self):
        assert make_command("run", STATE_DIR=Path(".local")) == "make run"
        assert make_command("run", STATE_DIR="my state") == "make run STATE_DIR='my state'"


class TestFreshClone:
    @pytest.mark.parametrize(
        "goal", [["token"], ["stop"], ["outputs", "STAGE=local"], ["admin", "STAGE=local"]], ids=" ".join
    )
    def test_targets_that_need_a_running_roster_say_so_and_install_nothing(self, checkout, goal):
        before = checkout.files()
        done = checkout.make(*goal)
        assert failure(done) == "Roster is not installed in this folder. Start it with make run first."
        assert checkout.files() == before


class TestPython:
    """The Python that installs Roster."""

    def test_the_first_one_on_the_path_that_works_is_used(self, checkout):
        shim = "#!/bin/sh\necho 'python3.13: command not found' >&2; exit 127\n"
        checkout.program("bin/python3.13", shim)
        for name in ("python3.12", "python3"):
            checkout.program(f"bin/{name}", f'#!/bin/sh\ntest "$1" = -c || echo {name} "$@"\n')
        done = checkout.make("clean", path=f"{checkout.folder}/bin:{PATH}")
        assert done.stdout == "python3.12 -B -m embedded.clean\n"

    @pytest.mark.parametrize("goal", ["run", "clean"])
    def test_a_missing_python_is_reported_briefly(self, checkout, goal):
        (checkout.folder / "bin").mkdir()
        (checkout.folder / "bin" / "sh").symlink_to(shutil.which("sh"))
        before = checkout.files()
        message = "Roster needs Python 3.11 or newer, but there is none on the PATH. Install one first."
        assert failure(checkout.make(goal, path=f"{checkout.folder}/bin")) == message
        assert checkout.files() == before

    @pytest.mark.parametrize("python", ["/nowhere/python3.11", "-x", "false", *pythons([7], major=2)])
    def test_an_unusable_python_setting_is_reported_briefly(self, checkout, python):
        message = f"PYTHON is {python}, which can't be used. Set it to the path of Python 3.11 or newer."
        assert failure(checkout.make("run", PYTHON=python)) == message

    @pytest.mark.parametrize("name", BEFORE_INSTALLATION)
    def test_code_that_runs_before_the_installation_is_valid_python_3_6(self, name):
        ast.parse((PROJECT / name).read_text(), feature_version=(3, 6))

    @pytest.mark.parametrize("python", TOO_OLD, ids=str)
    def test_a_python_that_is_too_old_is_named_in_the_message(self, checkout, python):
        message = failure(checkout.make("run", PYTHON=python))
        assert re.fullmatch(
            rf"Roster needs Python 3\.11 or newer, but {python} is Python 3\.\d+\.\d+\. "
            r"Install a newer one, or give its path, as in make run PYTHON=/path/to/python3\.11",
            message,
        )
        assert not (checkout.folder / ".venv").exists()

    @pytest.mark.parametrize(
        ("version", "accepted"), [((3, 10), False), ((3, 11), True), ((3, 12), True), ((3, 13), True)]
    )
    def test_python_3_11_and_newer_is_accepted(self, monkeypatch, tmp_path, version, accepted):
        monkeypatch.setattr(sys, "version_info", (*version, 0))
        monkeypatch.setattr(install.venv, "create", lambda *_, **__: sys.exit("accepted"))
        with pytest.raises(SystemExit, match="accepted" if accepted else "needs Python"):
            install.main(str(tmp_path / "environment"), "requirements.txt")

    @pytest.mark.parametrize("ends", [KeyboardInterrupt, OSError])
    def test_an_interrupted_installation_leaves_nothing_that_make_would_take_for_complete(
        self, monkeypatch, tmp_path, ends
    ):
        def interrupted(target, requirements):
            raise ends

        environment = tmp_path / "environment"
        monkeypatch.setattr(install, "create", lambda _: environment.mkdir())
        monkeypatch.setattr(install, "install", interrupted)
        with pytest.raises(ends):
            install.main(str(environment), "requirements.txt")
        assert not environment.exists()

    def test_adding_packages_keeps_the_environment_if_it_fails(self, monkeypatch, tmp_path):
        monkeypatch.setattr(install, "install", lambda *_: False)
        with pytest.raises(SystemExit, match="could not be downloaded"):
            install.main("--add", str(tmp_path), "requirements-test.txt")
        assert tmp_path.exists()


class TestStateFolder:
    def test_only_its_owner_can_open_it(self, tmp_path):
        state.prepare(tmp_path / "above" / "state")
        assert (tmp_path / "above" / "state").stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize("name", ["mystate", "chalicelib/state", "new/folders/state", "empty"])
    def test_git_ignores_everything_in_it(self, tmp_path, name):
        (tmp_path / "chalicelib").mkdir()
        (tmp_path / "empty").mkdir()
        subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
        state.prepare(tmp_path / name)
        for file in ("running.json", "aws/cognito.json", "aws/.gitignore"):
            (tmp_path / name / file).parent.mkdir(exist_ok=True)
            (tmp_path / name / file).touch()
        assert git_status(tmp_path) == ""

    def test_preparing_it_again_changes_nothing(self, tmp_path):
        state.prepare(tmp_path / "state")
        (tmp_path / "state" / "running.json").write_text("{}")
        (tmp_path / "state" / "notes").touch()
        state.prepare(tmp_path / "state")
        assert {path.name for path in (tmp_path / "state").iterdir()} == {".gitignore", "running.json", "notes"}

    def test_a_folder_of_an_earlier_version_is_accepted(self, tmp_path):
        (tmp_path / "aws").mkdir()
        for name in ("running.json", "aws.log"):
            (tmp_path / name).touch()
        state.prepare(tmp_path)
        assert state.is_prepared(tmp_path)

    def test_a_folder_whose_preparation_was_interrupted_is_accepted(self, tmp_path):
        (tmp_path / ".gitignore").touch()
        state.prepare(tmp_path)
        assert state.is_prepared(tmp_path)

    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("file", "is not a folder"),
            ("dangling", "is not a folder"),
            ("file/state", r"can't be used \(Not a directory\)"),
            ("/proc/state", r"can't be used \(.*\)"),
            ("x" * 300, r"can't be used \(File name too long\)"),
            ("foreign", "contains files that are not Roster's"),
            ("ignoring", "contains files that are not Roster's"),
        ],
    )
    def test_an_unusable_folder_is_rejected_and_left_unchanged(self, tmp_path, monkeypatch, name, problem):
        monkeypatch.chdir(tmp_path)
        Path("file").touch()
        Path("dangling").symlink_to("nowhere")
        for file in ("foreign/running.json", "foreign/thesis.tex", "ignoring/.gitignore"):
            Path(file).parent.mkdir(exist_ok=True)
            Path(file).write_text("mine")
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(Failure) as raised:
            state.prepare(Path(name))
        message = rf"STATE_DIR is {name}, which {problem}\. Choose a new or an empty folder\."
        assert re.fullmatch(message, str(raised.value))
        assert sorted(tmp_path.rglob("*")) == before

    def test_an_empty_name_is_rejected(self):
        with pytest.raises(Failure, match="STATE_DIR is empty"):
            state.folder("")


class TestClean:
    @pytest.fixture
    def used(self, checkout):
        """A checkout with everything that make creates, and the paths that it had before."""
        (checkout.folder / "tests/unit").mkdir(parents=True)
        before = checkout.files()
        for name in LEFT:
            (checkout.folder / name).mkdir()
            (checkout.folder / name / "file").touch()
        for name in (".venv.log", ".venv-embedded.log"):
            (checkout.folder / name).touch()
        return checkout, before

    @pytest.mark.parametrize("python", [sys.executable, *TOO_OLD], ids=str)
    def test_it_removes_everything_that_make_created_and_the_given_state(self, used, python):
        checkout, before = used
        state.prepare(checkout.folder / "my $state")
        (checkout.folder / "my $state" / "running.json").touch()
        done = checkout.make("clean", STATE_DIR="my $state", PYTHON=python)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("Removed .local, 'my $state', .venv, ")
        assert checkout.files() == before
        assert checkout.make("clean", PYTHON=python).stdout == "There is nothing to remove.\n"

    def test_it_removes_a_linked_state_folder_and_the_link(self, used, tmp_path):
        checkout, before = used
        state.prepare(tmp_path / "elsewhere")
        (checkout.folder / "link").symlink_to(tmp_path / "elsewhere")
        assert checkout.make("clean", STATE_DIR="link").returncode == 0
        assert checkout.files() == before
        assert not (tmp_path / "elsewhere").exists()

    @pytest.mark.parametrize("name", [".", "..", "embedded", "README.md", "../foreign", "../home", "../marked", ""])
    def test_it_rejects_any_other_folder_and_removes_nothing(self, used, tmp_path, name):
        checkout, _ = used
        (checkout.folder / "README.md").touch()
        for folder in ("foreign", "home", "marked"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / ".gitignore").write_text("*\n")
        checkout.home = tmp_path / "marked" / "home"
        (tmp_path / "marked" / ".gitignore").write_text(state.MARK)
        before = sorted(tmp_path.rglob("*"))
        assert failure(checkout.make("clean", STATE_DIR=name)).startswith("STATE_DIR is ")
        assert sorted(tmp_path.rglob("*")) == before

    @pytest.mark.parametrize("path", ["/", "/etc", "/tmp", "~"])
    def test_it_never_removes_a_system_folder_or_the_home_folder(self, path):
        with pytest.raises(Failure, match="Nothing was removed"):
            clean._require_removable(Path(path).expanduser())

    @pytest.mark.parametrize("name", [".local", "mystate"])
    def test_it_removes_nothing_while_roster_is_running(self, used, name):
        checkout, _ = used
        state.prepare(checkout.folder / "mystate")
        with (checkout.folder / name / "running.json").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = checkout.files()
            message = failure(checkout.make("clean", STATE_DIR="mystate"))
            assert message.startswith(
                f"Roster is running with its state in {name}. Nothing was removed. To stop it: make stop"
            )
            assert checkout.files() == before
        assert checkout.make("clean", STATE_DIR="mystate").returncode == 0


@pytest.mark.parametrize("target", ["admin", "outputs"])
def test_targets_for_a_deployed_stage_start_nothing_if_the_embedded_aws_is_not_running(tmp_path, target):
    setting = f"STATE_DIR={tmp_path}/my state"
    command = ["make", "-s", "-o", ".venv", "-o", ".venv-embedded", target, "STAGE=local", setting]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=30, check=False)
    deploy = f"make deploy STAGE=local STATE_DIR='{tmp_path}/my state'"
    assert failure(done) == f"The embedded AWS is not running. Start it and deploy with {deploy}"
    assert list(tmp_path.iterdir()) == []
