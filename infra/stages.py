"""The stages, read from ``stages.yaml`` and checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from chalicelib.local.runtime import ANY, RUNNING, fits
from infra.failure import Failure

STAGES = Path(__file__).parent / "stages.yaml"
NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
TAKEN = ("-admin", "-api", "-hourly", "-housekeeping", "-jwt-authorizer")
"""What the names of a stage's log groups end with: see the log groups in both templates."""
RESERVED = ("aws", "amazon", "cognito")
"""Words that Cognito rejects in the prefix of a domain."""
RUNTIMES = ("python3.12", "python3.13")
"""Those on Amazon Linux 2023. Pillow 13 needs its glibc."""
DEFAULT_RUNTIME = "python3.13"


@dataclass(frozen=True)
class Stage:
    """A stage, the parameters of its stacks that differ from the templates' defaults, and its functions' runtime."""

    name: str
    backend: Mapping[str, str]
    api: Mapping[str, str]
    runtime: str = ANY

    def require_runtime(self, target: str) -> None:
        """Raise ``Failure`` if what ``make <target>`` deploys would have another runtime than the stage states."""
        if not fits(self.runtime):
            raise Failure(
                f"The runtime of {self.name} is {self.runtime}, but Roster is installed here with {RUNNING}: run "
                f"rm -rf .venv .venv-embedded && make {target} STAGE={self.name} PYTHON={self.runtime}, or change the "
                "runtime in infra/stages.yaml."
            )

    @property
    def is_protected(self) -> bool:
        """Whether the stage's tables, user pool and stacks are protected against deletion."""
        return self.backend.get("DeletionProtection") == "true"


def stage(name: str, file: Path = STAGES) -> Stage:
    """Return the stage called ``name``. Raise ``Failure`` if it does not exist or its entry is invalid."""
    stages = yaml.safe_load(file.read_text())
    if name not in stages:
        raise Failure(f"There is no stage {name!r}: infra/stages.yaml has {', '.join(stages)}. Add it there.")
    _require_valid(name)
    entry = stages[name] or {}
    runtime = entry.pop("runtime", DEFAULT_RUNTIME)
    if runtime not in (*RUNTIMES, ANY):
        raise Failure(f"infra/stages.yaml: {name} has the runtime {runtime!r}: use {', '.join(RUNTIMES)} or {ANY}.")
    for part, parameters in entry.items():
        if part not in ("backend", "api"):
            raise Failure(f"infra/stages.yaml: {name} has {part!r}, which is neither backend, api nor runtime.")
        for parameter, value in (parameters or {}).items():
            if not isinstance(value, str):
                raise Failure(f"infra/stages.yaml: {name}, {part}: write the value of {parameter} in quotes.")
    api = entry.get("api") or {}
    if bool(api.get("DomainName")) != bool(api.get("CertificateArn")):
        raise Failure(f"infra/stages.yaml: {name} needs both DomainName and CertificateArn, or neither.")
    return Stage(name, entry.get("backend") or {}, api, runtime)


def _require_valid(name: str) -> None:
    if not NAME.fullmatch(name):
        raise Failure(f"A stage can't be called {name!r}: use lower-case letters, digits and hyphens, at most 20.")
    if name.endswith(TAKEN):
        raise Failure(f"A stage can't be called {name!r}: its log groups would have the names of another stage's.")
    if any(word in name for word in RESERVED):
        raise Failure(f"A stage can't be called {name!r}: Cognito would reject its domain, which has a reserved word.")
