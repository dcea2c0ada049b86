"""A capability appears with its line in ``app.py`` and its rows, and vanishes without that line.

``tests/capability/overlay`` holds one, laid over a copy of this checkout as its author would add it. The copy's own
tests run there, on every target.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import chalicelib
from infra import parts

PROJECT = Path(__file__).parent.parent.parent
OVERLAY = PROJECT / "tests" / "capability" / "overlay"
NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", ".local", ".bench", "__pycache__", ".*_cache", ".hypothesis")
LINES = """
from chalicelib.notes.routes import blueprint as notes
app.register_blueprint(notes(jwt_authorizer, database, os.environ))
"""
ROWS = """
    Route("GET", "/notes/{author}", Who.OWNER_OR_ADMINS, Cost.READ, ("GetItem notes",), "notes"),
    Route(
        "PUT", "/notes/{author}", Who.OWNER_OR_ADMINS, Cost.WRITE, ("UpdateItem notes",), "notes",
        tokens=("access",), accepted={"text": "Buy milk"},
    ),
)
"""
PRINT_PARTS = """
import json
from infra import parts
policy = parts.policy("api", "admin")
print(json.dumps([parts.template("backend"), parts.template("api"), policy, parts.settings()]))
"""
CHECKED = [
    "tests/api/test_notes.py",
    "tests/unit/test_openapi.py",
    "tests/unit/test_settings.py",
    "tests/unit/test_costs.py",
    "tests/infra/test_templates.py",
    "tests/security/test_policies.py",
    "tests/security/test_second_lock.py",
    "tests/security/test_dead_dependencies.py",
    "tests/api/test_dynamodb_requests.py",
    "tests/api/test_gateway_responses.py",
]
NOT_CHECKED = "(test_gateway_responses or test_settings) and (local or deployed)"


class Copy:
    """A copy of this checkout, with the notes laid over it."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(PROJECT, folder, ignore=NOT_COPIED)
        shutil.copytree(OVERLAY, folder, dirs_exist_ok=True)
        for name in (".venv", ".venv-embedded"):
            (folder / name).symlink_to(PROJECT / name)
        self.app = folder / "app.py"
        rows = folder / "testbed" / "routes.py"
        rows.write_text(rows.read_text().replace("\n)\n\nGUARDED", f"{ROWS}\nGUARDED"))

    def run(self, *arguments):
        """What a Python of its own prints there."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def described(self):
        """The API's description, as `make openapi` writes it."""
        self.run("-m", "openapi")
        return json.loads((self.folder / "chalicelib" / "openapi.json").read_text())

    def parts(self):
        """The parts of both stacks."""
        return json.loads(self.run("-c", PRINT_PARTS))


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return Copy(tmp_path_factory.mktemp("capability") / "roster")


def test_with_its_line_everything_of_a_capability_appears_on_every_target(copy):
    without = copy.app.read_text()
    copy.app.write_text(without + LINES)
    copy.described()
    try:
        tested = copy.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", f"not ({NOT_CHECKED})", *CHECKED)
    finally:
        copy.app.write_text(without)
    assert " passed" in tested.splitlines()[-1]
    assert not {"failed", "skipped"} & set(tested.splitlines()[-1].split())


def test_without_its_line_nothing_of_a_capability_is_left(copy):
    assert copy.described() == json.loads((Path(chalicelib.__file__).parent / "openapi.json").read_text())
    present = [parts.template("backend"), parts.template("api"), parts.policy("api", "admin"), parts.settings()]
    assert copy.parts() == json.loads(json.dumps(present))


def test_no_target_knows_a_capability_without_its_line(api, person):
    answer = api.get(f"/notes/{person.sub}", token=person.token)
    assert (answer.status, answer.json["detail"]) == (404, "No route matches this path: see /openapi.json.")
