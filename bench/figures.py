"""The figures of ``make bench``, ``even``, ``load`` and ``soak``, and their tables for the terminal and docs/."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from testbed.uploads import Uploaded

RECORDED = Path(__file__).with_name("recorded")
"""The folder of the runs that the documentation shows."""
LOWEST_P = 0.01
"""The lowest p of a route in ``make even``. If nothing is revealed, 1 route in 100 is below it by chance."""


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
            ratio = "1" if name == "roster" else _ratio(self.median() / self.median(name))
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
class Pictures:
    """The medians of ``bench.pictures``: CPU time in ms and additional memory in MB, by program and size in MB."""

    machine: str
    date: str
    rounds: int
    medians: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def table(self) -> str:
        """Return a table with one row per program and one column per size."""
        sizes = [f"{size} MB" for size in next(iter(self.medians.values()))]
        rows = [
            [name, *(f"{milliseconds:,.0f} ms, {megabytes:,.0f} MB" for milliseconds, megabytes in by_size.values())]
            for name, by_size in self.medians.items()
        ]
        return f"{self.machine}, {self.date}.\n\n{table(['', *sizes], rows)}"


@dataclass
class UploadRuns:
    """The runs of ``bench.uploads``: ``undisturbed``, and with workers that are ``killed``."""

    machine: str
    date: str
    runs: dict[str, Uploaded] = field(default_factory=dict)

    def table(self) -> str:
        """Return a table with one row per run."""
        titles = {"undisturbed": "none", "killed": "one every few seconds"}
        heads = ["processes killed", "uploads", "clients", "ready", "lost", "twice", "mixed up", "objects left"]
        heads += ["dead letters", "time, s"]
        rows = []
        for name, run in self.runs.items():
            killed = f"{run.kills}" if run.kills else titles[name]
            counts = (run.announced, run.clients, run.ready, run.lost, run.twice, run.mixed, run.left, run.dead)
            rows.append([killed, *(f"{count:,}" for count in counts), f"{run.seconds:,.0f}"])
        return f"{self.machine}, {self.date}.\n\n{table(heads, rows)}"


@dataclass
class FirstVisit:
    """The medians of ``bench.console``.

    ``pages``: by page, the requests and bytes of a first visit, and the milliseconds until the page can be used, on
    this machine and on a slow connection. ``imports``: CPU milliseconds of the import of app.py, and its modules.
    """

    machine: str
    date: str
    rounds: int
    pages: dict[str, list[float]] = field(default_factory=dict)
    imports: dict[str, list[float]] = field(default_factory=dict)

    def table(self) -> str:
        """Return a table with one row per page."""
        heads = ["", "requests", "KB over the wire", "usable after, ms", "on a slow phone, ms"]
        rows = [
            [name, f"{requests:.0f}", f"{size / 1000:,.0f}", f"{fast:,.0f}", f"{slow:,.0f}"]
            for name, (requests, size, fast, slow) in self.pages.items()
        ]
        return f"{self.machine}, {self.date}.\n\n{table(heads, rows)}"

    def imports_table(self) -> str:
        """Return a table of the imports."""
        rows = [[name, f"{spent:,.1f}", f"{modules:.0f}"] for name, (spent, modules) in self.imports.items()]
        return table(["`import app`", "CPU time, ms", "modules"], rows)


@dataclass
class Walk:
    """The times of ``bench.newcomer``, by step."""

    machine: str
    date: str
    seconds: dict[str, float] = field(default_factory=dict)

    def table(self) -> str:
        """Return a table with one row per step."""
        rows = [[step, f"{seconds:,.1f}"] for step, seconds in self.seconds.items()]
        return f"{self.machine}, {self.date}.\n\n{table(['', 'seconds'], rows)}"


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
        errors = ", ".join(f"{count:,} × {what}" for what, count in self.errors.items()) or "none"
        shown = {"acknowledged writes": "acknowledged writes", "reads": "reads", "checked at the end": "final checks"}
        kept = [f"{self.counts.get(what, 0):,} {name}" for what, name in shown.items()]
        wrong = f"{self.counts.get('lost', 0)} lost writes, {self.counts.get('wrong reads', 0)} wrong reads"
        lines = [f"{self.users} users for {self.seconds} seconds, {rate:.0f} requests per second."]
        lines.append(f"{', '.join(kept)}: **{wrong}**.")
        if "confirmed accounts" in self.counts:
            confirmed, able = self.counts["confirmed accounts"], self.counts.get("signed in at the end", 0)
            rejected = self.counts.get("rejected sign-ins", 0)
            summary = f"{confirmed:,} confirmed accounts, {able:,} of which could sign in at the end"
            lines.append(f"{summary}: **{rejected} rejected sign-ins**.")
        if "uploaded pictures" in self.counts:
            uploaded, ready = self.counts["uploaded pictures"], self.counts.get("pictures at the end", 0)
            lines.append(f"{uploaded:,} uploaded pictures: **{uploaded - ready} lost**.")
        if "histories" in self.counts:
            histories = f"{self.counts['histories']} shared records with {self.counts['operations in histories']:,}"
            impossible = f"{self.counts.get('impossible histories', 0)} histories are not linearizable"
            lines.append(f"{histories} operations: **{impossible}**.")
        lines.append(f"Errors: {errors}.")
        if self.process:
            (before, connected), (after, left) = self.process
            lines.append(f"Memory of the process: {before} MB before the run, {after} MB after it.")
            lines.append(f"Connections: {connected} before, {left} after.")
        return table(["request", "responses", "p50, ms", "p95, ms", "p99, ms"], rows) + "\n" + "\n".join(lines) + "\n"


@dataclass
class TwoTimes:
    """Response times with accounts and with unknown addresses, in that order, in ms, and how far they differ.

    ``distance`` and ``p`` are those of the two-sample Kolmogorov-Smirnov test, over that many ``pairs`` of calls.
    ``later`` counts the responses that came later than at the first multiple of the step.
    """

    pairs: int
    medians: list[float]
    distance: float
    p: float
    later: list[int]


@dataclass
class Even:
    """The times of ``make even``, by route, with responses at multiples of ``step`` ms (``held``) and ``at_once``.

    Both are with confirmed accounts. ``others``, by route and state, are with accounts in other states, held.
    """

    machine: str
    date: str
    step: int
    held: dict[str, TwoTimes] = field(default_factory=dict)
    at_once: dict[str, TwoTimes] = field(default_factory=dict)
    others: dict[str, TwoTimes] = field(default_factory=dict)

    def table(self) -> str:
        """Return a table with one row per route: with even times, and without them."""
        heads = ["", "pairs", "medians, ms", "after the first multiple", "p", "without even times: medians, ms", "p"]
        rows = []
        for route, held in self.held.items():
            at_once = self.at_once[route]
            later = " / ".join(f"{count}" for count in held.later)
            row = [f"`{route}`", f"{held.pairs}", _of_both(held.medians), later, _p(held.p)]
            rows.append([*row, _of_both(at_once.medians), _p(at_once.p)])
        title = f"### Known and unknown addresses, responses at multiples of {self.step} ms"
        return f"{title}\n\n{table(heads, rows)}"

    @property
    def lowest_p_of_others(self) -> float:
        """The lowest p of a route and another state: lower, because these are many and each can fail by chance."""
        return LOWEST_P / max(1, len(self.others))

    def faults(self) -> list[str]:
        """Return a sentence for each route whose times differ, and one if this run could not have shown that."""
        limits = ((self.held, LOWEST_P), (self.others, self.lowest_p_of_others))
        found = [
            f"{name}: p = {times.p:.2g} is less than {lowest:.2g}."
            for measured, lowest in limits
            for name, times in measured.items()
            if times.p < lowest
        ]
        if all(times.p >= LOWEST_P for times in self.at_once.values()):
            found.append("No route's times differ without even times: this run could not have shown a difference.")
        return found

    def others_table(self) -> str:
        """Return a table of the p of each route and state."""
        states = list(dict.fromkeys(name.rpartition(", ")[2] for name in self.others))
        routes = list(dict.fromkeys(name.rpartition(", ")[0] for name in self.others))
        pairs = max((times.pairs for times in self.others.values()), default=0)
        rows = [[f"`{route}`", *[_p(self.others[f"{route}, {state}"].p) for state in states]] for route in routes]
        title = f"### Accounts in other states and unknown addresses: p of {pairs} pairs each"
        return f"{title}\n\n{table(['', *states], rows)}"


def _of_both(values: Sequence[float]) -> str:
    return " / ".join(f"{value:,.1f}" for value in values)


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value >= 0.01 else f"{value:.3f}"


def _p(value: float) -> str:
    return f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"


OfOneRun = Figures | Soak | Even | FirstVisit | Pictures | UploadRuns | Walk


def write(figures: OfOneRun | dict[str, LoadRun], path: Path) -> None:
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


def read_uploads() -> UploadRuns:
    """Return the recorded runs of ``bench.uploads``."""
    members = json.loads((RECORDED / "uploads.json").read_text())
    members["runs"] = {name: Uploaded(**run) for name, run in members["runs"].items()}
    return UploadRuns(**members)


def read_pictures() -> Pictures:
    """Return the recorded run of ``bench.pictures``."""
    return Pictures(**json.loads((RECORDED / "pictures.json").read_text()))


def read_first_visit() -> FirstVisit:
    """Return the recorded run of ``bench.console``."""
    return FirstVisit(**json.loads((RECORDED / "console.json").read_text()))


def read_newcomer() -> Walk:
    """Return the recorded run of ``bench.newcomer``."""
    return Walk(**json.loads((RECORDED / "newcomer.json").read_text()))


def read_load() -> dict[str, LoadRun]:
    """Return the recorded run of ``make load``, by target."""
    return {name: LoadRun(**run) for name, run in json.loads((RECORDED / "load.json").read_text()).items()}


def read_even() -> Even:
    """Return the recorded run of ``make even``."""
    members = json.loads((RECORDED / "even.json").read_text())
    for kind in ("held", "at_once", "others"):
        members[kind] = {name: TwoTimes(**times) for name, times in members[kind].items()}
    return Even(**members)


def document_even() -> str:
    """Return the tables of the recorded run of ``make even``, for docs/performance.md."""
    even = read_even()
    return "\n".join([f"{even.machine}, {even.date}.\n", even.table(), even.others_table()])


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
