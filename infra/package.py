"""The deployment package: the zip that all functions run, and the API stack's template by ``chalice package``."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chalicelib.local.runtime import ANY
from infra import alarms, archive, functions, layers, parts, rest_api
from infra.failure import Failure
from infra.parts import PROJECT
from infra.stages import Stage

CONTENT = ["app.py", "chalicelib", "requirements.txt", ".chalice/config.json", ".chalice/policy-api.json"]

UNUSED = ("cffi", "ecdsa", "pyasn1", "pycparser", "rsa")
"""Packages that python-jose and cryptography require, and that no function imports.

python-jose uses cryptography if it can be imported, and the others if not (``jose/backends/__init__.py``). cryptography
needs of cffi only the module ``_cffi_backend``.
"""


@dataclass(frozen=True)
class Package:
    """The same sources give the same bytes, so that deploying unchanged sources changes nothing.

    ``layers`` are zips too, by the logical ids of their resources. ``template`` lacks the locations of all zips and the
    digest of the parameters, which ``template_for`` adds.
    """

    zip: bytes
    layers: Mapping[str, bytes]
    template: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The S3 key of the zip, which contains a hash of its content."""
        return _key("functions", self.zip)

    @property
    def uploads(self) -> dict[str, bytes]:
        """The zips by their S3 keys."""
        return {self.key: self.zip, **{_key("layers", layer): layer for layer in self.layers.values()}}

    def template_for(self, bucket: str, parameters: Mapping[str, str] | None = None) -> str:
        """Return the template as JSON, for ``uploads`` that are stored in ``bucket``, and for these parameters.

        Most changes of an API take effect only in a new deployment. The Serverless transform adds one if the text of
        the definition changes ("AWS::ApiGateway::Deployment", CloudFormation template reference), but a reference in it
        reads the same whatever its value. So the definition contains a digest of the values.
        """
        template = json.loads(json.dumps(self.template))
        digest = _digest(template["Parameters"], parameters or {})
        info = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["info"]
        info["description"] = f"Roster. Digest of the stack's parameters: {digest}"
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": self.key}
        for name, layer in self.layers.items():
            content = {"S3Bucket": bucket, "S3Key": _key("layers", layer)}
            template["Resources"][name]["Properties"]["Content"] = content
        return json.dumps(template, separators=(",", ":"), sort_keys=True)


def _key(folder: str, content: bytes) -> str:
    return f"{folder}/{hashlib.sha256(content).hexdigest()}.zip"


def _digest(declared: Mapping[str, Any], given: Mapping[str, str]) -> str:
    """Return a digest of the parameters' values, without those that must stay secret."""
    values = {
        name: str(given.get(name, parameter.get("Default", "")))
        for name, parameter in declared.items()
        if not parameter.get("NoEcho")
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def build(stage: Stage) -> Package:
    """Package this checkout for ``stage``. Chalice writes the stage's name and CORS origin into the template."""
    with tempfile.TemporaryDirectory() as folder:
        # A copy, so that caches, bytecode and what `make backend` records are not packaged.
        sources, made = Path(folder) / "sources", Path(folder) / "made"
        _copy(sources)
        settings = {**parts.examples(), "CORS_ORIGIN": stage.api.get("CorsOrigin", "*")}
        _chalice_package(sources, made, stage.name, settings)
        template = yaml.safe_load((made / "sam.yaml").read_text())
        _complete(template["Resources"])
        return Package(_with_bytecode(made / "deployment.zip", _unused(stage)), layers.build(), template)


def _complete(resources: dict[str, Any]) -> None:
    """Add what is generated: gateway responses, ``ANY`` methods, functions, alarms and the text of the dashboard."""
    rest_api.complete(resources["RestAPI"]["Properties"])
    functions.complete(resources)
    resources.update(alarms.on_tables(parts.policy(*functions.of_app().values()), parts.template("backend")))
    dashboard = resources["Dashboard"]["Properties"]["DashboardBody"]
    dashboard["Fn::Sub"] = json.dumps(dashboard["Fn::Sub"])


def _copy(target: Path) -> None:
    for pattern in CONTENT:
        for source in PROJECT.glob(pattern):
            place = target / source.relative_to(PROJECT)
            place.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__", ".*"))
            else:
                shutil.copy(source, place)
    config = target / ".chalice" / "config.json"
    base = {key: value for key, value in json.loads(config.read_text()).items() if key != "stages"}
    config.write_text(json.dumps(base))


def _chalice_package(sources: Path, target: Path, stage: str, settings: Mapping[str, str]) -> None:
    merged = sources.parent / "api.yaml"
    merged.write_text(yaml.safe_dump(parts.template("api")))
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "chalice"), "--project-dir", str(sources), "package", "--stage", stage),
            *("--template-format", "yaml", "--merge-template", str(merged), str(target)),
        ],
        env={**environ, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1", **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failure(f"chalice package failed:\n{(done.stdout + done.stderr).strip()}")


def _unused(stage: Stage) -> tuple[str, ...]:
    """Return what is left out. The wheels in the package are for Linux on x86-64.

    On other machines, the stage ``local`` cannot import cryptography, and python-jose uses the others.
    """
    runs_here = (platform.system(), platform.machine()) == ("Linux", "x86_64")
    return UNUSED if runs_here or stage.runtime != ANY else ()


def _with_bytecode(path: Path, unused: tuple[str, ...]) -> bytes:
    """Return the zip with all modules compiled, without tests and without what is unused."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(path) as zipped:
            zipped.extractall(folder)
        for name in unused:
            shutil.rmtree(Path(folder) / name, ignore_errors=True)
        archive.compile_modules(Path(folder))
        for test in Path(folder).rglob("test_*"):  # stubs for the tests of cryptography
            if test.is_file():
                test.unlink()
        return archive.zipped(Path(folder))
