"""The folder that STATE_DIR names."""

import re
import subprocess
from pathlib import Path

import pytest

from embedded import state
from infra.failure import Failure


def git_status(folder):
    """What git would let somebody commit."""
    command = ["git", "-C", folder, "status", "--porcelain", "--ignored=no", "--untracked-files=all"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class TestStateFolder:
    def test_only_its_owner_may_look_inside(self, tmp_path):
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

    def test_one_that_is_used_again_stays_as_it_is(self, tmp_path):
        state.prepare(tmp_path / "state")
        (tmp_path / "state" / "running.json").write_text("{}")
        (tmp_path / "state" / "notes").touch()
        state.prepare(tmp_path / "state")
        assert {path.name for path in (tmp_path / "state").iterdir()} == {".gitignore", "running.json", "notes"}

    def test_one_of_an_earlier_version_is_accepted(self, tmp_path):
        (tmp_path / "aws").mkdir()
        for name in ("running.json", "aws.log"):
            (tmp_path / name).touch()
        state.prepare(tmp_path)
        assert state.is_prepared(tmp_path)

    def test_one_whose_preparation_was_interrupted_is_accepted(self, tmp_path):
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
    def test_what_can_not_be_used_is_one_sentence_and_stays_as_it_is(self, tmp_path, monkeypatch, name, problem):
        monkeypatch.chdir(tmp_path)
        Path("file").touch()
        Path("dangling").symlink_to("nowhere")
        for file in ("foreign/running.json", "foreign/thesis.tex", "ignoring/.gitignore"):
            Path(file).parent.mkdir(exist_ok=True)
            Path(file).write_text("mine")
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(Failure) as raised:
            state.prepare(Path(name))
        said = rf"STATE_DIR is {name}, which {problem}: give the name of a new or an empty folder\."
        assert re.fullmatch(said, str(raised.value))
        assert sorted(tmp_path.rglob("*")) == before

    def test_an_empty_name_is_one_sentence(self):
        with pytest.raises(Failure, match="STATE_DIR is empty"):
            state.folder("")
