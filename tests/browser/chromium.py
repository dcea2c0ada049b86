"""The Chromium for the browser tests. Run as a program, this module installs one if necessary.

The tests use the one that ``CHROMIUM`` names, or else one on the PATH. If there is none, Debian's package is installed
when run as root with apt available, as in a container; otherwise Playwright's build is downloaded into ``.venv``.
"""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"]
QUIET = [  # no requests to the Internet
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
os.environ["PLAYWRIGHT_BROWSERS_PATH"] = "0"  # for Playwright, this means inside its package


def on_this_machine() -> str | None:
    """Return the path of an installed Chromium, or ``None`` to use Playwright's build."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def launched():
    """Launch a headless browser, and yield it as Playwright's ``Browser``."""
    from playwright.sync_api import sync_playwright

    # Chromium's sandbox does not work as root.
    arguments = [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else QUIET
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=on_this_machine(), args=arguments)
        yield browser
        browser.close()


def main() -> None:
    """Install Chromium if there is none."""
    if os.environ.get("CHROMIUM") and not os.access(os.environ["CHROMIUM"], os.X_OK):
        sys.exit(f"CHROMIUM is {os.environ['CHROMIUM']}, which is not an executable file.")
    if _is_there():
        return
    print("Installing Chromium for the browser tests …", flush=True)
    done = subprocess.run(["sh", "-c", _installation()], capture_output=True, text=True, check=False)
    if not _is_there():
        why = re.findall(r"^(?:E|Error): *(.*)$", done.stdout + done.stderr, re.MULTILINE) or ["no reason was given"]
        sys.exit(f"Chromium could not be installed: {why[-1]}\nInstall one, or run make test CHROMIUM=<its path>.")


def _installation() -> str:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        return "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium"
    return f"'{sys.executable}' -m playwright install --only-shell chromium"


def _is_there() -> bool:
    import playwright

    builds = Path(playwright.__file__).parent / "driver/package/.local-browsers"
    return on_this_machine() is not None or any(builds.glob("chromium*/INSTALLATION_COMPLETE"))


if __name__ == "__main__":
    main()
