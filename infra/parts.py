"""The parts of the two stacks that the core and each capability contribute: templates, permissions and settings.

The core's parts are ``backend.yaml``, ``api.yaml``, ``settings.yaml`` and ``deploy-policy.json`` in this folder, and
``policy-<function>.json`` in ``.chalice``. A capability has files of the same names, each optional, in
``infra/<capability>/``. They are used if ``app.py`` registers the capability.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from chalice.package import YAMLTemplateSerializer

from infra.failure import Failure

INFRA = Path(__file__).resolve().parent
PROJECT = INFRA.parent
POLICIES = PROJECT / ".chalice"
DECLARED = """
import json
from app import app
print(json.dumps({
    "capabilities": app.capabilities,
    "served_by": [*app.served_by],
    "binary_types": app.api.binary_types,
    "functions": app.functions,
}))
"""


class Setting(NamedTuple):
    """An environment variable of the functions, the API stack's parameter that provides its value, and an example."""

    variable: str
    parameter: str
    example: str
    is_optional: bool


class Declared(NamedTuple):
    """What ``app.py`` declares, with its capabilities.

    ``served_by`` has the function that serves each route, by the route's method and path: ``api``, which serves most,
    ``admin``, or another one. ``binary_types`` are the media types of bodies that are not text.
    ``functions`` are Chalice's names of all functions but that of the API.
    """

    capabilities: tuple[str, ...]
    served_by: Mapping[tuple[str, str], str]
    binary_types: tuple[str, ...]
    functions: tuple[str, ...]


@cache
def declared() -> Declared:
    """Return what ``app.py`` declares. It is imported in another process, because it reads the environment."""
    environ = {**os.environ, **examples(), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", DECLARED]
    done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"app.py could not be imported:\n{done.stderr.strip()}")
    found = json.loads(done.stdout.splitlines()[-1])
    served_by = {(method, path): function for method, path, function in found["served_by"]}
    return Declared(tuple(found["capabilities"]), served_by, tuple(found["binary_types"]), tuple(found["functions"]))


def capabilities() -> tuple[str, ...]:
    """Return the names of the capabilities that ``app.py`` registers."""
    return declared().capabilities


def template(name: str) -> dict[str, Any]:
    """Return the template ``backend`` or ``api``, with the parts of the capabilities merged into it.

    A capability's lists are appended to those of the core, such as firewall rules and the dashboard's widgets.
    """
    merged: dict[str, Any] = {}
    for path in _present(f"{name}.yaml", capabilities()):
        part = YAMLTemplateSerializer().load_template(path.read_text(encoding="utf-8"), str(path))
        merged = _merged(part, merged)
    return merged


def policy(*functions: str) -> dict[str, Any]:
    """Return the IAM policy that functions need: the statements of the core and of the capabilities.

    A function is ``api``, ``admin``, another one that serves routes, or one that Chalice knows by this name. If no part
    has a policy for it, there is no statement. The permission to write logs, which every function needs, is not among
    them.
    """
    names = [f"policy-{function}.json" for function in functions]
    core = [path for name in names if (path := POLICIES / name).exists()]
    return _merged_policy([*core, *chain.from_iterable(_present(name, capabilities()) for name in names)])


def deploy_policy() -> dict[str, Any]:
    """Return the IAM policy of the role that deploys, with the statements of the capabilities."""
    return _merged_policy(_present("deploy-policy.json", capabilities()))


def layers() -> list[Path]:
    """Return the descriptions of the capabilities' layers."""
    return [*_present("layer.yaml", capabilities())]


def settings() -> list[Setting]:
    """Return the settings of the core and of the capabilities."""
    return [setting for path in _present("settings.yaml", capabilities()) for setting in _read(path)]


def examples() -> dict[str, str]:
    """Return the required settings of all parts with their examples: enough to import ``app.py`` without a backend."""
    folders = sorted(path.parent.name for path in INFRA.glob("*/settings.yaml"))
    found = [setting for path in _present("settings.yaml", folders) for setting in _read(path)]
    return {setting.variable: setting.example for setting in found if not setting.is_optional}


def values(sources: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables whose values are in ``sources``, a mapping of outputs or parameters by name."""
    return {setting.variable: sources[setting.parameter] for setting in settings() if setting.parameter in sources}


def _merged_policy(paths: Iterable[Path]) -> dict[str, Any]:
    statements = [json.loads(path.read_text(encoding="utf-8"))["Statement"] for path in paths]
    return {"Version": "2012-10-17", "Statement": [*chain.from_iterable(statements)]}


def _merged(part: Any, base: Any) -> Any:
    """Return ``base`` with ``part`` merged into it: mappings key by key, lists appended, and anything else replaced."""
    if isinstance(part, dict) and isinstance(base, dict):
        return base | {key: _merged(value, base.get(key)) for key, value in part.items()}
    if isinstance(part, list) and isinstance(base, list):
        return base + part
    return part


def _present(name: str, folders: Iterable[str]) -> Iterator[Path]:
    candidates = (INFRA / name, *(INFRA / folder / name for folder in folders))
    return (path for path in candidates if path.exists())


def _read(path: Path) -> Iterator[Setting]:
    for variable, entry in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        yield Setting(variable, entry["parameter"], entry["example"], entry.get("optional", False))
