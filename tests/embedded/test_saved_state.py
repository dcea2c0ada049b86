"""Saving the embedded AWS's state to disk: a save either completes or changes nothing."""

import errno
from pathlib import Path

import pytest

from embedded.emulator import saved_state
from embedded.emulator.saved_state import Saved, Unreadable

OLD = Saved("2026-11-22T10:00:00.000Z", {"cognito": '{"pools": 1}', "dynamodb": '{"tables": 1}'})
NEW = Saved("2026-11-22T10:00:01.000Z", {"cognito": '{"pools": 2}', "dynamodb": '{"tables": 1}', "sqs": "{}"})


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "saved"


def test_reading_returns_the_state_that_was_written_last(folder):
    assert saved_state.read(folder) is None
    saved_state.write(folder, OLD)
    saved_state.write(folder, NEW)
    assert saved_state.read(folder) == NEW
    assert saved_state.saved_at(folder) == NEW.at


def test_files_of_earlier_saves_are_removed(folder):
    saved_state.write(folder, OLD)
    saved_state.write(folder, NEW)
    assert len(list(folder.iterdir())) == len(NEW.states) + 1


def steps(monkeypatch, breaks_at):
    """Make the disk full after ``breaks_at`` steps of a write. Return a list that gets one element with each step."""
    count = []
    write, replace = Path.open, Path.replace

    def step(function):
        def stepped(*args, **kwargs):
            count.append(function)
            if len(count) > breaks_at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return function(*args, **kwargs)

        return stepped

    monkeypatch.setattr(Path, "open", step(write))
    monkeypatch.setattr(Path, "replace", step(replace))
    return count


def test_a_save_that_fails_at_any_step_leaves_the_previous_state(folder):
    with pytest.MonkeyPatch.context() as patch:
        count = steps(patch, breaks_at=1000)
        saved_state.write(folder, OLD)
    assert len(count) >= 6
    for breaks_at in range(4):  # the files of cognito and sqs are new, that of dynamodb exists
        with pytest.MonkeyPatch.context() as patch:
            steps(patch, breaks_at)
            with pytest.raises(OSError, match="No space left"):
                saved_state.write(folder, NEW)
        assert saved_state.read(folder) == OLD
    saved_state.write(folder, NEW)
    assert saved_state.read(folder) == NEW


def name_of(folder, service):
    (path,) = folder.glob(f"{service}-*.json")
    return path


def test_a_damaged_file_is_named_in_the_error(folder):
    saved_state.write(folder, OLD)
    name_of(folder, "dynamodb").write_text('{"tables": 2}')
    with pytest.raises(Unreadable, match=r"dynamodb-.*is damaged: its checksum is wrong\.$"):
        saved_state.read(folder)


def test_a_missing_file_is_named_in_the_error(folder):
    saved_state.write(folder, OLD)
    name_of(folder, "cognito").unlink()
    with pytest.raises(Unreadable, match=r"cognito-.*can't be read \(No such file or directory\)\.$"):
        saved_state.read(folder)


@pytest.mark.parametrize("index", ["", "{", "[]", "{}", '{"format": 1}', '{"format": 1, "at": "x", "files": 3}'])
def test_a_damaged_index_is_not_mistaken_for_an_empty_state(folder, index):
    saved_state.write(folder, OLD)
    (folder / saved_state.INDEX).write_text(index)
    with pytest.raises(Unreadable, match=r"index\.json is damaged\.$"):
        saved_state.read(folder)
    assert saved_state.saved_at(folder) is None


def test_a_state_of_another_version_is_rejected(folder):
    saved_state.write(folder, OLD)
    (folder / saved_state.INDEX).write_text('{"format": 2}')
    with pytest.raises(Unreadable, match="another version of Roster"):
        saved_state.read(folder)
