"""The stages, read from ``stages.yaml`` and checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from infra.failure import Failure

STAGES = Path(__file__).parent / "stages.yaml"
NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")


@dataclass(frozen=True)
class Stage:
    """A stage, and the parameters of its stacks that differ from the templates' defaults."""

    name: str
    backend: Mapping[str, str]
    api: Mapping[str, str]

    @property
    def is_protected(self) -> bool:
        """Whether the stage's tables, user pool and stacks are protected against deletion."""
        return self.backend.get("DeletionProtection") == "true"


def stage(name: str, file: Path = STAGES) -> Stage:
    """Return the stage called ``name``. Raise ``Failure`` if it does not exist or its entry is invalid."""
    stages = yaml.safe_load(file.read_text())
    if name not in stages:
        raise Failure(f"There is no stage {name!r}: infra/stages.yaml has {', '.join(stages)}. Add it there.")
    if not NAME.fullmatch(name):
        raise Failure(f"A stage can't be called {name!r}: use lower-case letters, digits and hyphens, at most 20.")
    entry = stages[name] or {}
    for part, parameters in entry.items():
        if part not in ("backend", "api"):
            raise Failure(f"infra/stages.yaml: {name} has {part!r}, which is neither backend nor api.")
        for parameter, value in (parameters or {}).items():
            if not isinstance(value, str):
                raise Failure(f"infra/stages.yaml: {name}, {part}: write the value of {parameter} in quotes.")
    return Stage(name, entry.get("backend") or {}, entry.get("api") or {})
