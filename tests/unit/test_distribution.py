"""Which tests of ``make test`` run in the same process, and in what order."""

from tests import distribution

COLLECTED = [
    "tests/api/test_users.py::test_a[local]",
    "tests/api/test_users.py::test_a[deployed]",
    "tests/api/test_walk.py::test_b",
    "tests/api/test_sizes.py::TestPages::test_c[inprocess-what is deployed]",
    "tests/api/test_sizes.py::TestPages::test_c[deployed-what is deployed]",
    "tests/api/test_hostile_requests.py::test_d[two-words-deployed]",
    "tests/browser/test_other_origin.py::test_e",
    "tests/infra/test_deploy.py::TestStack::test_f[deployed]",
    "tests/unit/test_access.py::test_g",
    "tests/unit/test_sizes.py::test_h[deployed]",
]


def test_tests_that_share_servers_run_in_one_process_and_others_by_file():
    assert [distribution.unit(nodeid) for nodeid in COLLECTED] == [
        "tests/api/",
        "tests/api/ deployed",
        "tests/api/",
        "tests/api/",
        "tests/api/ deployed",
        "tests/api/ deployed",
        "tests/browser/",
        "tests/infra/",
        "tests/unit/test_access.py",
        "tests/unit/test_sizes.py",
    ]


def test_the_largest_units_come_first_and_each_keeps_its_order():
    order = sorted(range(len(COLLECTED)), key=lambda number: distribution.position(COLLECTED[number]))
    assert order == [0, 2, 3, 7, 1, 4, 5, 6, 8, 9]
