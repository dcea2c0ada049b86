"""Create a virtual environment, install requirements into it, and show the progress.

    python3 embedded/install.py .venv requirements-dev.txt
    .venv/bin/python embedded/install.py --add .venv requirements-test.txt

Runs before anything is installed, so it uses only the standard library. It must parse and run on Python 3.6, so that an
old Python fails with a clear message and not with a syntax error.
"""

import os
import shutil
import subprocess
import sys
import venv

NEEDED = (3, 11)


def main(*arguments):
    """Install the packages listed in a file into a virtual environment, which is new unless the first is ``--add``.

    On failure, exit with one sentence.
    """
    target, requirements = arguments[-2:]
    if sys.version_info < NEEDED:
        found = f"{sys.executable} is Python {'.'.join(map(str, sys.version_info[:3]))}"
        newer = "Install a newer one, or give its path, as in make run PYTHON=/path/to/python3.11"
        sys.exit(f"Roster needs Python 3.11 or newer, but {found}. {newer}")
    say(f"Installing {requirements} into {target} …")
    is_new = arguments[0] != "--add"
    installed = False
    try:
        if is_new:
            create(target)
        installed = install(target, requirements)
    finally:
        if is_new and not installed:  # interrupted, too: make would take the folder for complete
            shutil.rmtree(target, ignore_errors=True)
    if not installed:
        sys.exit(f"The packages could not be downloaded or installed. See {target}.log, and check your network.")


def create(target):
    """Create the virtual environment, anew each time, so that no packages of an older list remain."""
    shutil.rmtree(target, ignore_errors=True)
    try:
        venv.create(target, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"The virtual environment {target} can't be created ({error}). On Debian, install python3-venv.")


def install(target, requirements):
    """Install the packages, and return whether that succeeded. If not, what pip has printed is in a log."""
    command = [os.path.join(target, "bin", "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    command += ["--no-compile", "-r", requirements]  # Python compiles what is imported, a fifth of it, by itself
    pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    with pip, open(f"{target}.log", "w", encoding="utf-8") as log:
        collected = 0
        for line in pip.stdout:
            log.write(line)
            if line.startswith("Collecting"):
                collected += 1
                progress(f"  {collected:3} {line.split('(')[0].strip()}")
            elif line.startswith("Installing"):
                progress(f"  {collected:3} packages: installing")
    progress("")
    if pip.returncode:
        return False
    os.remove(f"{target}.log")
    return True


def say(text):
    """Print a line."""
    print(text, file=sys.stderr, flush=True)


def progress(text):
    """Print a line that the next one overwrites. Print nothing if the output is not a terminal but a log."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text[:78]}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
