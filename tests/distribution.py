"""How the tests are distributed over the processes of ``make test``: by file, and by folder where files share servers.

Each process starts the servers and builds the package that its tests need. The largest units come first, so that small
files are left for the end, when one process may already have finished.
"""

import re

from xdist.scheduler import LoadFileScheduling

DEPLOYED = "tests/api/ deployed"
"""The tests of ``tests/api/`` on the target ``deployed``. Those on the other targets are a unit of their own."""
FIRST = ("tests/api/", "tests/infra/", DEPLOYED)
"""The units that take longest. They need the package, or servers that take up to 30 s to start."""
WHOLE = ("tests/api/", "tests/infra/", "tests/browser/")
"""The folders whose tests run in one process, except for those of ``DEPLOYED``."""


def unit(nodeid: str) -> str:
    """Return the name of the unit of this test. The tests of a unit run in the same process, in their order."""
    file, _, name = nodeid.partition("::")
    if file.startswith("tests/api/") and re.search(r"[\[-]deployed[\]-]", name):
        return DEPLOYED
    return next((folder for folder in WHOLE if file.startswith(folder)), file)


def position(nodeid: str) -> int:
    """Return the sort key of a test. Tests with the same key keep their order."""
    name = unit(nodeid)
    return FIRST.index(name) if name in FIRST else len(FIRST)


class Distribution(LoadFileScheduling):  # type: ignore[misc]  # xdist has no type hints
    """xdist's ``--dist loadfile``, with the units above instead of files."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)
