"""Create a virtual environment, install requirements into it, and show the progress.

    python3 embedded/install.py .venv requirements-dev.txt

Runs before anything is installed, so it uses only the standard library. It must parse and run on Python 3.6, so that an
old Python fails with a clear message and not with a syntax error.
"""

import os
import shutil
import subprocess
import sys
import venv

NEEDED = (3, 11)


def main(target, requirements):
    """Install the packages listed in ``requirements`` into ``target``. On failure, exit with one sentence."""
    if sys.version_info < NEEDED:
        found = f"{sys.executable} is Python {'.'.join(map(str, sys.version_info[:3]))}"
        newer = "Install a newer one, or give its path, as in make run PYTHON=/path/to/python3.11"
        sys.exit(f"Roster needs Python 3.11 or newer, but {found}. {newer}")
    log_path = f"{target}.log"
    say(f"Installing {requirements} into {target} …")
    # Recreated each time, so that no packages of an older list remain.
    shutil.rmtree(target, ignore_errors=True)
    try:
        venv.create(target, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"The virtual environment {target} can't be created ({error}). On Debian, install python3-venv.")
    command = [os.path.join(target, "bin", "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    command += ["-r", requirements]
    pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    with pip, open(log_path, "w", encoding="utf-8") as log:
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
        shutil.rmtree(target, ignore_errors=True)
        sys.exit(f"The packages could not be downloaded or installed. See {log_path}, and check your network.")
    os.remove(log_path)


def say(text):
    """Print a line."""
    print(text, file=sys.stderr, flush=True)


def progress(text):
    """Print a line that the next one overwrites. Print nothing if the output is not a terminal but a log."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text[:78]}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
