"""Pins all that is deployed, with its dependencies, in requirements.txt. A part of ``make constraints``.

``chalice package`` and ``chalice deploy`` install requirements.txt. A reference to constraints.txt in it would not be
enough: Chalice reuses what it has installed for as long as requirements.txt itself stays the same.
"""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from infra.parts import PROJECT

MARK = "# Their dependencies, at the versions in constraints.txt. `make constraints` writes these lines."
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORM = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
}
"""Lambda, for the conditions of requirements."""


def main(project: Path = PROJECT) -> None:
    """Rewrite the lines of requirements.txt below ``MARK``."""
    requirements = project / "requirements.txt"
    requirements.write_text(pinned(requirements.read_text(), (project / "constraints.txt").read_text()))


def pinned(requirements: str, constraints: str) -> str:
    """Return the text of requirements.txt with a pin for each distribution that its own lines need."""
    own = requirements.partition(MARK)[0].rstrip()
    versions = {canonicalize_name(line.partition("==")[0]): line for line in constraints.split()}
    wanted = [Requirement(line) for line in own.splitlines() if re.match(r"\w", line)]
    found: set[NormalizedName] = set()
    for requirement in wanted:
        found.update(_needed(requirement, found))
    needed = sorted(found - {canonicalize_name(requirement.name) for requirement in wanted})
    return "\n".join([own, "", MARK, *(versions[name] for name in needed)]) + "\n"


def _needed(requirement: Requirement, seen: set[NormalizedName]) -> Iterator[NormalizedName]:
    """Yield the names of the distributions that ``requirement`` needs on Lambda, with any of ``PYTHONS``."""
    for text in metadata.requires(requirement.name) or []:
        needed = Requirement(text)
        name = canonicalize_name(needed.name)
        if name not in seen and _applies(needed, requirement.extras):
            seen.add(name)
            yield name
            yield from _needed(needed, seen)


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    if requirement.marker is None:
        return True
    places = [
        {**PLATFORM, "python_version": python, "python_full_version": f"{python}.0", "extra": extra}
        for python in PYTHONS
        for extra in (extras or {""})
    ]
    return any(requirement.marker.evaluate(place) for place in places)


if __name__ == "__main__":
    main()
