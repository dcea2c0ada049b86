"""How the tests are distributed over the processes of ``make test``: by file, and by folder where files share servers.

Each process starts the servers and builds the package that its tests need. The two largest folders come first, so that
small files are left for the end, when one process may already have finished.
"""

from xdist.scheduler import LoadFileScheduling

FIRST = ("tests/infra/", "tests/api/")
"""The folders that take longest. They need the package, and servers that take up to 30 s to start."""
WHOLE = (*FIRST, "tests/browser/")
"""The folders whose tests run in one process."""


def unit(nodeid: str) -> str:
    """Return the folder or file whose tests run in the same process as this test, in their order."""
    file = nodeid.split("::", 1)[0]
    return next((folder for folder in WHOLE if file.startswith(folder)), file)


def position(nodeid: str) -> int:
    """Return the sort key of a test. Tests with the same key keep their order."""
    return next((index for index, folder in enumerate(FIRST) if nodeid.startswith(folder)), len(FIRST))


class Distribution(LoadFileScheduling):  # type: ignore[misc]  # xdist has no type hints
    """xdist's ``--dist loadfile``, with some folders as a whole."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)
