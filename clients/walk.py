"""Make each client and walk its tour. A tour asks for the code that was mailed, which the walk reads in the mailbox."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from testbed.targets import Target, new_email

HERE = Path(__file__).parent
DESCRIPTION = HERE.parent / "chalicelib" / "openapi.json"
BIN = Path(sys.executable).parent
PYTHON, TYPESCRIPT = HERE / "python", HERE / "typescript"
COPIED = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "tour.ts")


class Failed(Exception):
    """A program failed. The message is what it printed."""


def make_python(folder: Path) -> None:
    """Generate the package ``roster_client`` in ``folder``, and import each of its modules with warnings as errors."""
    _run(
        *(BIN / "openapi-python-client", "generate", "--path", DESCRIPTION, "--config", PYTHON / "config.yaml"),
        *("--meta", "none", "--output-path", folder / "roster_client", "--overwrite", "--fail-on-warning"),
        folder=folder,
    )
    modules = [path.relative_to(folder).with_suffix("") for path in sorted(folder.glob("roster_client/**/*.py"))]
    imports = "\n".join("import " + ".".join(module.parts).removesuffix(".__init__") for module in modules)
    _run(sys.executable, "-W", "error", "-c", imports, folder=folder)


def check_python(folder: Path) -> None:
    """Check the types of the client and of its tour."""
    _run(sys.executable, "-m", "mypy", "--strict", "roster_client", PYTHON / "tour.py", folder=folder)


def make_typescript(folder: Path) -> None:
    """Install the packages in ``folder``, generate the types, and compile them with the tour."""
    for name in COPIED:
        (folder / name).write_bytes((TYPESCRIPT / name).read_bytes())
    _run("npm", "ci", folder=folder)
    _run("npm", "run", "generate", "--", str(DESCRIPTION), folder=folder)
    _run("npm", "run", "compile", folder=folder)


def tour(command: Sequence[str | Path], folder: Path, api: Target) -> list[str]:
    """Run the tour of a client against ``api``, and return the lines that it prints."""
    email = new_email()
    program = subprocess.Popen(
        [*command, api.base_url, email],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONWARNINGS": "error"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with program:
        assert program.stdin
        assert program.stdout
        lines = []
        for line in program.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("What is the code?"):
                program.stdin.write(f"{api.mailed_code(email)}\n")
                program.stdin.flush()
    if program.returncode:
        raise Failed("\n".join(lines))
    return lines


def _run(*command: str | Path, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))[:200]}:\n{done.stdout}{done.stderr}")
