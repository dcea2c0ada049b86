"""``make clients``: generate a Python and a TypeScript client from the API's description, and walk a tour with each.

Each must be generated, compiled and checked without a warning. The API is that of ``make run``.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from clients import walk
from testbed import targets


def main() -> None:
    """Make and walk both. Without npm, say so, and leave the TypeScript client out."""
    parser = argparse.ArgumentParser(prog="python -m clients", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".clients"), help="folder for the clients")
    folder = parser.parse_args().folder.resolve()
    python, typescript = folder / "python", folder / "typescript"
    for made in (python, typescript):
        made.mkdir(parents=True, exist_ok=True)
    _say("Generating the Python client, and checking it with mypy --strict …")
    walk.make_python(python)
    walk.check_python(python)
    commands: dict[str, list[str | Path]] = {"Python": [sys.executable, walk.PYTHON / "tour.py"]}
    if shutil.which("npm"):
        _say("Generating the TypeScript client, and compiling it …")
        walk.make_typescript(typescript)
        commands["TypeScript"] = ["node", typescript / "out" / "tour.js"]
    else:
        _say("There is no npm here, so the TypeScript client is left out. Install Node.js 20 or newer to make it.")
    with tempfile.TemporaryDirectory() as state, targets.local(Path(state)) as api:
        for language, command in commands.items():
            _say(f"The tour of the {language} client:")
            for line in walk.tour(command, python, api):
                print(f"  {line}", flush=True)
    _say(f"The clients are in {folder}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except walk.Failed as failure:
        sys.exit(str(failure))
