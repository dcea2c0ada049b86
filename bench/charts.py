"""Draw the charts in docs/ from the recorded runs: cold starts, monthly costs by number of users, and the load test."""

from pathlib import Path

import matplotlib as mpl

mpl.use("svg")  # before pyplot is imported: it would try to open a window
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from bench import bill, costs, figures

DOCS = Path(__file__).resolve().parent.parent / "docs"
OURS, OTHERS, FLOOR = "#0b6e4f", "#b8c4bb", "#e3a857"
# The same figures give the same file, byte for byte.
mpl.rcParams |= {"svg.hashsalt": "roster", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}


def cold_starts(path: Path) -> None:
    """Draw the CPU milliseconds to the first response, of the API function and the authorizer."""
    measured = figures.read()
    drawing, axes = plt.subplots(1, 2, figsize=(9, 3.2), width_ratios=[6, 4])
    for axis, name in zip(axes, ("API function", "authorizer"), strict=True):
        comparison = measured.cold[name]
        ranked = sorted(comparison.values, key=comparison.median, reverse=True)
        colours = [{"roster": OURS, "floor": FLOOR}.get(candidate, OTHERS) for candidate in ranked]
        bars = axis.barh(ranked, [comparison.median(candidate) for candidate in ranked], color=colours)
        axis.bar_label(bars, fmt="%.0f", padding=3)
        axis.set_title(f"Cold start, {name}", loc="left")
        axis.set_xlabel("CPU milliseconds to the first response")
        axis.margins(x=0.12)
        axis.spines[["top", "right"]].set_visible(False)
    _save(drawing, path)


def month(path: Path) -> None:
    """Draw the dollars per month by number of users, for each part of the bill."""
    model = costs.load()
    numbers = [round(10 ** (3 + step / 10)) for step in range(41)]
    bills = [bill.month(model, users) for users in numbers]
    drawing, axis = plt.subplots(figsize=(9, 4))
    for what in bills[0]:
        axis.plot(numbers, [one[what] or float("nan") for one in bills], label=what)
    axis.plot(numbers, [sum(one.values()) for one in bills], color="black", linewidth=2, label="total")
    axis.set(xscale="log", yscale="log", xlabel="active users per month", ylabel="dollars per month")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.yaxis.set_major_formatter("${x:,g}")
    axis.grid(which="major", color="#e5e5e5")
    axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axis.spines[["top", "right"]].set_visible(False)
    _save(drawing, path)


def load(path: Path) -> None:
    """Draw the responses per second and their 95th percentile during each run of ``make load``."""
    drawing, axes = plt.subplots(2, 2, figsize=(9, 4.2), sharex="col")
    for (top, bottom), (name, run) in zip(axes.T, figures.read_load().items(), strict=True):
        seconds, responses, slow = zip(*run.timeline, strict=True)
        top.plot(seconds, responses, color=OURS)
        bottom.plot(seconds, slow, color=FLOOR)
        top.set_title(f"{name}, {run.users} users", loc="left")
        top.set(ylabel="responses per second", ylim=(0, None))
        bottom.set(ylabel="95th percentile, ms", xlabel="second of the run", yscale="log")
        for axis in (top, bottom):
            axis.spines[["top", "right"]].set_visible(False)
    _save(drawing, path)


def _save(drawing: Figure, path: Path) -> None:
    drawing.tight_layout()
    drawing.savefig(path, metadata={"Date": None})
    plt.close(drawing)


if __name__ == "__main__":
    cold_starts(DOCS / "cold-starts.svg")
    month(DOCS / "costs.svg")
    load(DOCS / "load.svg")
