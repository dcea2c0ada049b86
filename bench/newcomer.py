"""``python -m bench.newcomer``: how long somebody who has just cloned Roster waits, from the clone to a change.

In a new clone of the committed sources: `make run` from nothing, the first sign-up in the console, a change to a
handler and `make run` again, and `make deploy STAGE=local`. What a person types is typed by a browser, so the times are
those of the machine. The installation depends on the connection, and on pip's cache: ``--no-cache`` leaves that out.
"""

import argparse
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.console import chromium
from bench.figures import Walk, write
from bench.lab import say
from embedded import processes

PROJECT = Path(__file__).resolve().parent.parent
EMAIL, PASSWORD = "newcomer@example.com", "Correct-horse-42"
HANDLER = Path("chalicelib/greeting.py")


def main() -> None:
    """Walk, then print and store the times."""
    parser = argparse.ArgumentParser(prog="python -m bench.newcomer", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="folder for the figures")
    parser.add_argument("--no-cache", action="store_true", help="install without pip's cache, as on a new machine")
    options = parser.parse_args()
    walk = Walk(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", _today())
    environ = {**os.environ, **({"PIP_NO_CACHE_DIR": "1"} if options.no_cache else {})}
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "roster"
        started = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
        _note(walk, "`git clone`", started)
        started = time.monotonic()
        with _running(clone, environ) as (api, _):
            _note(walk, "`make run`, from nothing to *Roster is running*", started)
            started = time.monotonic()
            token = _sign_up(clone, environ, api)
            _note(walk, "signing up in the console, with the mailed code", started)
            assert "Hello, " in _greeting(api, token)
        text = (clone / HANDLER).read_text()
        (clone / HANDLER).write_text(text.replace("Hello, {name}!", "Ahoy, {name}!"))
        started = time.monotonic()
        with _running(clone, environ) as (api, _):
            assert "Ahoy, " in _greeting(api, _token(clone, environ))
        _note(walk, "a changed handler, `make run` again, and the response that shows it", started)
        started = time.monotonic()
        _deploy(clone, environ)
        _note(walk, "`make deploy STAGE=local`, to the first response", started)
    print(walk.table())
    options.folder.mkdir(exist_ok=True)
    write(walk, options.folder / "newcomer.json")


def _today() -> str:
    return time.strftime("%Y-%m-%d")


def _note(walk: Walk, step: str, started: float) -> None:
    walk.seconds[step] = round(time.monotonic() - started, 1)
    say(f"{walk.seconds[step]:6.1f} s  {step}")


@contextmanager
def _running(clone: Path, environ: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `make run` until the context ends, and yield the API's address once it is ready."""
    names = ("PORT", "EMBEDDED_AWS_PORT", "DOCS_PORT")
    ports = {name: str(processes.free_port()) for name in names}
    with subprocess.Popen(
        ["make", "run", *(f"{name}={port}" for name, port in ports.items())],
        cwd=clone,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as program:
        try:
            _awaited(program, "Press Ctrl-C to stop it")
            yield f"http://127.0.0.1:{ports['PORT']}", program
        finally:
            os.killpg(program.pid, signal.SIGINT)
            program.communicate()


def _awaited(program: "subprocess.Popen[str]", text: str) -> None:
    assert program.stdout is not None
    printed = []
    for line in program.stdout:
        printed.append(line)
        if text in line:
            return
    sys.exit(f"{text!r} was not printed:\n{''.join(printed)}")


def _sign_up(clone: Path, environ: dict[str, str], api: str) -> str:
    """Sign up in the console, as a person would, and return a token."""
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"{api}/console#/sign-up")
        page.get_by_label("Name", exact=True).fill("New Comer")
        page.get_by_label("E-mail address").fill(EMAIL)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign up").click()
        page.get_by_label("Code").wait_for()
        mailed = _printed(clone, environ, "mail")
        page.get_by_label("Code").fill(re.findall(r"\b\d{6}\b", mailed)[-1])
        page.get_by_role("button", name="Confirm").click()
        page.get_by_role("heading", name="Account").first.wait_for()
    return _token(clone, environ)


def _token(clone: Path, environ: dict[str, str]) -> str:
    return _printed(clone, {**environ, "EMAIL": EMAIL, "PASSWORD": PASSWORD}, "token").strip()


def _printed(clone: Path, environ: dict[str, str], target: str) -> str:
    command = ["make", "-s", target]
    return subprocess.run(command, cwd=clone, env=environ, capture_output=True, text=True, check=True).stdout


def _greeting(api: str, token: str) -> str:
    response = httpx.get(f"{api}/", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    message: str = response.raise_for_status().json()["message"]
    return message


def _deploy(clone: Path, environ: dict[str, str]) -> None:
    port = f"EMBEDDED_AWS_PORT={processes.free_port()}"
    try:
        done = subprocess.run(
            ["make", "deploy", "STAGE=local", port], cwd=clone, env=environ, capture_output=True, text=True, check=False
        )
        found = re.search(r"APIEndpoint\W+(http\S+)", done.stdout + done.stderr)
        if done.returncode or not found:
            sys.exit(f"The deploy failed:\n{done.stdout}{done.stderr}")
        httpx.get(f"{found[1]}/health", timeout=60, trust_env=False).raise_for_status()
    finally:
        subprocess.run(["make", "-s", "stop"], cwd=clone, env=environ, check=False)


if __name__ == "__main__":
    main()
