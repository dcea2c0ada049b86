"""Which tests of ``make test`` run in the same process, and in what order."""

from tests import distribution

COLLECTED = [
    "tests/api/test_users.py::test_a[local]",
    "tests/api/test_walk.py::test_b",
    "tests/browser/test_other_origin.py::test_c",
    "tests/infra/test_deploy.py::TestStack::test_d",
    "tests/unit/test_access.py::test_e",
    "tests/unit/test_sizes.py::test_f",
]


def test_tests_of_a_folder_that_share_servers_run_in_one_process_and_others_by_file():
    assert [distribution.unit(nodeid) for nodeid in COLLECTED] == [
        "tests/api/",
        "tests/api/",
        "tests/browser/",
        "tests/infra/",
        "tests/unit/test_access.py",
        "tests/unit/test_sizes.py",
    ]


def test_the_largest_folders_come_first():
    infra, *others = sorted(COLLECTED, key=distribution.position)
    assert infra == COLLECTED[3]
    assert others == [nodeid for nodeid in COLLECTED if nodeid != infra]
