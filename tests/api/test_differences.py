"""What the docs say of the targets' differences is what the tests go by."""

from pathlib import Path

from tests.api.targets import DIFFERENCES

PAGE = Path(__file__).parent.parent.parent / "docs" / "local-and-cloud.md"


def test_the_table_in_the_docs_is_the_one_that_the_tests_go_by():
    lines = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    rows = {name: tuple(cells[:3]) for name, *cells in lines[2:] if len(cells) == 4}
    assert rows == DIFFERENCES
