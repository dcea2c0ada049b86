"""Every command in the README and in the walks of docs/ prints the output on the page, and every link works."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from embedded import processes, stack

PROJECT = Path(__file__).parent.parent
README = PROJECT / "README.md"
PAGES = [README, *(PROJECT / "docs" / name for name in ("api.md", "accounts.md", "administration.md", "media.md"))]
DEFAULT_API = "http://127.0.0.1:8000"
DEFAULT_AWS = "http://127.0.0.1:4566"
CHANGING = {
    r"\beyJ[\w.=-]+…?": "<token>",
    r'"session":"[^"]+"': '"session":"<session>"',
    r"\b[A-Z2-7]{32}\b": "<secret>",
    r"\b\d{6}\b(?= is your code)": "<code>",
    r"(?<=temporary password )\S+": "<password>",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$": "<date>",
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}": "<uuid>",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z": "<time>",
    r"cursor=[\w-]+": "cursor=<cursor>",
    r'"https?://[^"]*X-Amz-[^"]*"': '"<address>"',
    r'"upload":\{"url":.*\}': '"upload":<form>}',
    r"\b[0-9a-f]{32}\b": "<revision>",
}


def commands_and_outputs(page):
    """Yield each command of a page (the lines that start with ``$``) and the output below it."""
    blocks = re.findall(r"^```console\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def masked(text):
    """Replace the parts of an output that change from run to run."""
    for pattern, name in CHANGING.items():
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return text.strip()


@pytest.fixture
def state_and_roster(tmp_path_factory):
    state = tmp_path_factory.mktemp("readme")
    port, aws_port = processes.free_port(), processes.free_port()
    with stack.running(port, aws_port, state, lambda _: None, log=state / "api.log") as (running, *_):
        yield state, running


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_prints_the_output_on_the_page(state_and_roster, page):
    state, roster = state_and_roster
    tour = list(commands_and_outputs(page))
    assert len(tour) > 10
    script = "\n".join(f"echo '@@@'\n{command}\necho" for command, _ in tour)
    script = script.replace(DEFAULT_API, roster.api).replace(DEFAULT_AWS, roster.aws)
    script = re.sub(r"make -s (token|mail)", rf"make -o .venv -s \1 STATE_DIR={state}", script)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outputs = done.stdout.replace(roster.api, DEFAULT_API).split("@@@\n")[1:]
    for (command, printed), output in zip(tour, outputs, strict=True):
        assert masked(output) == masked(printed), command


def test_every_file_that_the_readme_and_the_docs_link_to_exists():
    for page in [README, *PROJECT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_test_that_the_docs_name_exists():
    named = []
    for page in PROJECT.glob("docs/*.md"):
        path = ""
        for name in re.findall(r"`(tests/[\w/]+\.py(?:::\w+)*|(?:::\w+)+)`", page.read_text()):
            if name.startswith("::"):  # in the same file, or in the same class
                named.append((path, name))
            else:
                path, separator, rest = name.partition("::")
                named.append((path, separator + rest))
    missing = [path + names for path, names in named if not is_defined(path, names)]
    assert not missing
    assert len(named) > 30


def is_defined(path, names):
    """Whether a file exists, and has the class and the test in ``names``: ``::TestClass::test_name``."""
    file = PROJECT / path
    if not file.is_file():
        return False
    source = file.read_text()
    return all(re.search(rf"^ *(?:class|def) {name}\b", source, re.MULTILINE) for name in names.split("::") if name)
