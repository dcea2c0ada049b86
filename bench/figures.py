"""What ``make bench``, ``make load`` and ``make soak`` measured, and how it is shown: on the terminal and in docs/."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

RECORDED = Path(__file__).with_name("recorded")
"""Where the runs are that the documentation shows."""


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


@dataclass
class Soak:
    """What a process was like along its way: requests answered, of them wrong, MB resident, sockets open."""

    samples: list[list[float]] = field(default_factory=list)

    def table(self) -> str:
        """A row a sample."""
        heads = ["requests answered", "of them wrong", "memory, MB", "sockets"]
        return table(heads, [[f"{value:,}" for value in sample] for sample in self.samples])


@dataclass
class LoadRun:
    """What ``users`` saw in ``seconds``.

    ``latencies``: by request, how many, and the 50th, 95th and 99th percentile in ms. ``timeline``: by second, answers
    and their 95th percentile. ``counts``: reads, acknowledged writes, and what was wrong. ``process``: megabytes and
    connections of ``chalice local``, before and after, where that is what ran.
    """

    users: int
    seconds: int
    counts: dict[str, int]
    errors: dict[str, int]
    latencies: dict[str, list[float]]
    timeline: list[list[float]]
    process: list[list[float]] | None

    def table(self) -> str:
        """A row a kind of request, and what was kept."""
        rows = [[name, *[f"{value:,.0f}" for value in values]] for name, values in self.latencies.items()]
        rate = self.latencies["all"][0] / self.seconds
        errors = ", ".join(f"{count} × {what}" for what, count in self.errors.items()) or "none"
        shown = "acknowledged writes", "reads", "checked at the end"
        kept = [f"{what} {self.counts.get(what, 0):,}" for what in shown]
        wrong = f"lost writes {self.counts.get('lost', 0)}, wrong reads {self.counts.get('wrong reads', 0)}"
        lines = [f"{self.users} users, {rate:.0f} requests a second. {', '.join(kept)}; **{wrong}**. Errors: {errors}."]
        if self.process:
            (before, connected), (after, left) = self.process
            lines.append(f"The process: {before} MB and {connected} connections before, {after} MB and {left} after.")
        return table(["request", "answers", "p50, ms", "p95, ms", "p99, ms"], rows) + "\n" + "\n".join(lines) + "\n"


def write(figures: Figures | Soak | dict[str, LoadRun], path: Path) -> None:
    """Keep them as JSON."""
    members = {name: asdict(run) for name, run in figures.items()} if isinstance(figures, dict) else asdict(figures)
    path.write_text(json.dumps(members, indent=1) + "\n")


def read() -> Figures:
    """The recorded run of ``make bench``."""
    members = json.loads((RECORDED / "measured.json").read_text())
    for kind in ("cold", "warm"):
        members[kind] = {name: Comparison(**comparison) for name, comparison in members[kind].items()}
    return Figures(**members)


def read_soak() -> Soak:
    """The recorded run of ``make soak``."""
    return Soak(**json.loads((RECORDED / "soak.json").read_text()))


def read_load() -> dict[str, LoadRun]:
    """The recorded run of ``make load``, by target."""
    return {name: LoadRun(**run) for name, run in json.loads((RECORDED / "load.json").read_text()).items()}


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
