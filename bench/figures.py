"""What a run of ``make bench`` measured, and how it is shown: on the terminal and in docs/performance.md."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

RECORDED = Path(__file__).with_name("measured.json")
"""The run that the documentation shows."""


@dataclass
class Comparison:
    """Values of each candidate in ``unit``, and its peak memory in MB where that was looked at."""

    title: str
    unit: str
    values: dict[str, list[float]]
    memory: dict[str, float] = field(default_factory=dict)

    def median(self, candidate: str = "roster") -> float:
        """The candidate's median."""
        return statistics.median(self.values[candidate])

    def table(self) -> str:
        """Medians, and Roster's ratio to each."""
        rows = []
        for name, values in self.values.items():
            ratio = "1" if name == "roster" else f"{self.median() / self.median(name):.2f} of it"
            row = [name, f"{self.median(name):.0f}", f"{min(values):.0f}–{max(values):.0f}", ratio]
            rows.append([*row, f"{self.memory[name]:.0f}"] if self.memory else row)
        heads = ["", f"median, {self.unit}", "spread", "Roster takes", *(["peak memory, MB"] if self.memory else [])]
        return f"### {self.title}\n\n{table(heads, rows)}"


@dataclass
class Figures:
    """All of one run. ``threads``: answers a second by number of threads. ``growth``: by number of users and route,
    the DynamoDB requests of a call, the items they read, and the bytes of their answers."""

    machine: str
    date: str
    cold: dict[str, Comparison] = field(default_factory=dict)
    warm: dict[str, Comparison] = field(default_factory=dict)
    threads: dict[str, float] = field(default_factory=dict)
    growth: dict[str, dict[str, list[int]]] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Keep them as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    def threads_table(self, seconds: float) -> str:
        """Answers a second, beside what ``seconds`` of waiting for each would let through."""
        title = f"### Threads in one loaded app, DynamoDB {seconds * 1000:.0f} ms slow: answers a second"
        rows = [[count, f"{rate:.0f}", f"{int(count) / seconds:.0f}"] for count, rate in self.threads.items()]
        return f"{title}\n\n{table(['threads', 'answers a second', 'at the most possible'], rows)}"

    def growth_table(self) -> str:
        """What a call costs as the table grows."""
        rows = [
            [f"{int(users):,}", *[", ".join(map(str, counts)) for counts in costs.values()]]
            for users, costs in self.growth.items()
        ]
        heads = ["users", *next(iter(self.growth.values()))]
        return f"### DynamoDB, per call: requests, items read, bytes received\n\n{table(heads, rows)}"


def read(path: Path = RECORDED) -> Figures:
    """What ``Figures.write`` wrote."""
    members = json.loads(path.read_text())
    for kind in ("cold", "warm"):
        members[kind] = {name: Comparison(**comparison) for name, comparison in members[kind].items()}
    return Figures(**members)


def document(slow: float) -> str:
    """All the tables of the recorded run, for docs/performance.md."""
    figures = read()
    tables = [comparison.table() for comparison in (*figures.cold.values(), *figures.warm.values())]
    tables += [figures.threads_table(slow), figures.growth_table()]
    return "\n".join([f"{figures.machine}, {figures.date}.\n", *tables])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
