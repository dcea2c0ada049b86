"""A client that a generator makes from the API's description. ``make clients`` makes one in TypeScript, too."""

import sys

import pytest

from clients import walk


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """The folder of a Python client that was generated and imported without a warning."""
    folder = tmp_path_factory.mktemp("client")
    walk.make_python(folder)
    return folder


@pytest.mark.parametrize("target", ["local", "deployed"])
def test_a_generated_python_client_walks_from_sign_up_to_a_published_picture(client, running, target):
    lines = walk.tour([sys.executable, walk.PYTHON / "tour.py"], client, running(target))
    assert lines == [
        "If there is something to do for this address, a code has been mailed to it.",
        "What is the code?",
        "Signed up, signed in, refreshed",
        "A late write: Precondition failed",
        "A wrong one: Empty key: a key needs at least one character.",
        "Profile: {'theme': 'dark'}",
        "403 urn:roster:problem:forbidden: Your token is valid, but it does not give you access to this resource.",
        "In public: The harbour at dawn",
        "Account deleted",
    ]
