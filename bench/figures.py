"""The figures of ``make bench``, ``make load`` and ``make soak``, and their tables for the terminal and docs/."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

RECORDED = Path(__file__).with_name("recorded")
"""The folder of the runs that the documentation shows."""


@dataclass
class Comparison:
    """The values of each candidate, in ``unit``, and its peak memory in MB if that was measured."""

    title: str
    unit: str
    values: dict[str, list[float]]
    memory: dict[str, float] = field(default_factory=dict)

    def median(self, candidate: str = "roster") -> float:
        """Return the median of a candidate."""
        return statistics.median(self.values[candidate])

    def table(self) -> str:
        """Return a table of the medians, and of the ratio of Roster's median to each."""
        rows = []
        for name, values in self.values.items():
            ratio = "1" if name == "roster" else f"{self.median() / self.median(name):.2f}"
            row = [name, f"{self.median(name):,.0f}", f"{min(values):,.0f}–{max(values):,.0f}", ratio]
            rows.append([*row, f"{self.memory[name]:.0f}"] if self.memory else row)
        heads = ["", f"median, {self.unit}", f"range, {self.unit}", "Roster's median ÷ this one"]
        heads += ["peak memory, MB"] if self.memory else []
        return f"### {self.title}\n\n{table(heads, rows)}"


@dataclass
class Figures:
    """All figures of one run. ``threads``: responses per second, by number of threads. ``growth``: by number of users
    and route, the DynamoDB requests of one call, the items that they read, and the bytes of their responses."""

    machine: str
    date: str
    cold: dict[str, Comparison] = field(default_factory=dict)
    warm: dict[str, Comparison] = field(default_factory=dict)
    threads: dict[str, float] = field(default_factory=dict)
    growth: dict[str, dict[str, list[int]]] = field(default_factory=dict)

    def threads_table(self, seconds: float) -> str:
        """Return a table of responses per second, and of the maximum if every request waits for ``seconds``."""
        title = f"### Threads in one process, DynamoDB responding after {seconds * 1000:.0f} ms: responses per second"
        rows = [[count, f"{rate:,.0f}", f"{int(count) / seconds:,.0f}"] for count, rate in self.threads.items()]
        return f"{title}\n\n{table(['threads', 'responses per second', 'maximum possible'], rows)}"

    def growth_table(self) -> str:
        """Return a table of the DynamoDB requests of a call, by number of users in the table."""
        rows = [
            [f"{int(users):,}", *[" / ".join(f"{count:,}" for count in counts) for counts in costs.values()]]
            for users, costs in self.growth.items()
        ]
        heads = ["users", *next(iter(self.growth.values()))]
        return f"### DynamoDB, per call: requests / items read / bytes received\n\n{table(heads, rows)}"


@dataclass
class Soak:
    """Samples of one process: requests so far, wrong responses, resident memory in MB, and open sockets."""

    samples: list[list[float]] = field(default_factory=list)

    def table(self) -> str:
        """Return a table with one row per sample."""
        heads = ["requests", "wrong responses", "memory, MB", "sockets"]
        return table(heads, [[f"{value:,}" for value in sample] for sample in self.samples])


@dataclass
class LoadRun:
    """The results of one run with that many ``users`` for that many ``seconds``.

    ``latencies``: by request, the number of responses and their 50th, 95th and 99th percentile in ms. ``timeline``: for
    each second, the number of responses and their 95th percentile. ``counts``: reads, acknowledged writes and errors.
    ``process``: memory in MB and connections of ``chalice local``, before and after the run, if that was the target.
    """

    users: int
    seconds: int
    counts: dict[str, int]
    errors: dict[str, int]
    latencies: dict[str, list[float]]
    timeline: list[list[float]]
    process: list[list[float]] | None

    def table(self) -> str:
        """Return a table with one row per kind of request, and a summary below it."""
        rows = [[name, *[f"{value:,.0f}" for value in values]] for name, values in self.latencies.items()]
        rate = self.latencies["all"][0] / self.seconds
        errors = ", ".join(f"{count} × {what}" for what, count in self.errors.items()) or "none"
        shown = {"acknowledged writes": "acknowledged writes", "reads": "reads", "checked at the end": "final checks"}
        kept = [f"{self.counts.get(what, 0):,} {name}" for what, name in shown.items()]
        wrong = f"{self.counts.get('lost', 0)} lost writes, {self.counts.get('wrong reads', 0)} wrong reads"
        lines = [f"{self.users} users, {rate:.0f} requests per second.", f"{', '.join(kept)}: **{wrong}**."]
        lines.append(f"Errors: {errors}.")
        if self.process:
            (before, connected), (after, left) = self.process
            lines.append(f"Memory of the process: {before} MB before the run, {after} MB after it.")
            lines.append(f"Connections: {connected} before, {left} after.")
        return table(["request", "responses", "p50, ms", "p95, ms", "p99, ms"], rows) + "\n" + "\n".join(lines) + "\n"


def write(figures: Figures | Soak | dict[str, LoadRun], path: Path) -> None:
    """Store the figures as JSON."""
    members = {name: asdict(run) for name, run in figures.items()} if isinstance(figures, dict) else asdict(figures)
    path.write_text(json.dumps(members, indent=1) + "\n")


def read() -> Figures:
    """Return the recorded run of ``make bench``."""
    members = json.loads((RECORDED / "measured.json").read_text())
    for kind in ("cold", "warm"):
        members[kind] = {name: Comparison(**comparison) for name, comparison in members[kind].items()}
    return Figures(**members)


def read_soak() -> Soak:
    """Return the recorded run of ``make soak``."""
    return Soak(**json.loads((RECORDED / "soak.json").read_text()))


def read_load() -> dict[str, LoadRun]:
    """Return the recorded run of ``make load``, by target."""
    return {name: LoadRun(**run) for name, run in json.loads((RECORDED / "load.json").read_text()).items()}


def document(slow: float) -> str:
    """Return all tables of the recorded run of ``make bench``, for docs/performance.md."""
    figures = read()
    tables = [comparison.table() for comparison in (*figures.cold.values(), *figures.warm.values())]
    tables += [figures.threads_table(slow), figures.growth_table()]
    return "\n".join([f"{figures.machine}, {figures.date}.\n", *tables])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
