"""Stops ``chalice deploy`` if it would give the functions another runtime than the stage states.

Chalice deploys functions for the Python that runs it. ``make backend`` records the runtime of the stage in
``.chalice/config.json``; Chalice ignores it there.
"""

import json
import sys
from pathlib import Path

import click

ANY = "any"
"""The runtime of a stage whose functions may have whichever Python deploys them."""
RUNNING = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""Lambda's name for the Python that runs this. Chalice deploys functions for it, and cannot be told another."""


def fits(runtime: str) -> bool:
    """Return whether what this Python deploys has the runtime that a stage states."""
    return runtime in (ANY, RUNNING)


def require() -> None:
    """End ``chalice deploy`` with one sentence if this Python is another than the recorded runtime."""
    context = click.get_current_context(silent=True)
    if context is None or context.info_name != "deploy":
        return
    stage = context.params["stage"]
    config = json.loads(Path(context.obj["project_dir"], ".chalice", "config.json").read_text(encoding="utf-8"))
    runtime = config.get("stages", {}).get(stage, {}).get("runtime", ANY)
    if not fits(runtime):
        raise click.ClickException(
            f"The runtime of {stage} is {runtime}, but chalice runs with {RUNNING}: run rm -rf .venv .venv-embedded && "
            f"make backend STAGE={stage} PYTHON={runtime}, then deploy again."
        )
