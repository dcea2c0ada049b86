"""Every command in the README and docs/api.md prints the output that the page shows, and every link works."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from embedded import processes, stack

PROJECT = Path(__file__).parent.parent
README = PROJECT / "README.md"
DEFAULT_API = "http://127.0.0.1:8000"
CHANGING = {
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}": "<uuid>",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z": "<time>",
    r"cursor=[\w-]+": "cursor=<cursor>",
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
        text = re.sub(pattern, name, text)
    return text.strip()


@pytest.fixture
def state_and_api(tmp_path_factory):
    state = tmp_path_factory.mktemp("readme")
    port, aws_port = processes.free_port(), processes.free_port()
    with stack.running(port, aws_port, state, lambda _: None, log=state / "api.log") as (running, *_):
        yield state, running.api


@pytest.mark.parametrize("page", [README, PROJECT / "docs" / "api.md"], ids=lambda page: page.name)
def test_every_command_prints_the_output_on_the_page(state_and_api, page):
    state, api = state_and_api
    tour = list(commands_and_outputs(page))
    assert len(tour) > 10
    script = "\n".join(f"echo '@@@'\n{command}\necho" for command, _ in tour)
    script = script.replace(DEFAULT_API, api).replace("make -s token", f"make -o .venv -s token STATE_DIR={state}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outputs = done.stdout.replace(api, DEFAULT_API).split("@@@\n")[1:]
    for (command, printed), output in zip(tour, outputs, strict=True):
        assert masked(output) == masked(printed), command


def test_every_file_that_the_readme_and_the_docs_link_to_exists():
    for page in [README, *PROJECT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
