"""Lambda layers: packages that only some functions need, from pinned wheels for the platform of Lambda.

A capability that has a layer describes it in ``infra/<capability>/layer.yaml``, and attaches it in its ``api.yaml``.
"""

import fnmatch
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from chalicelib.local.runtime import RUNNING
from infra import archive, parts
from infra.cloudformation import Account
from infra.failure import Failure
from infra.stages import Stage


@cache
def build() -> dict[str, bytes]:
    """Return the zip of each layer by the logical id of its resource, for the runtime that is this Python.

    The same wheels give the same bytes.
    """
    described = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in parts.layers()]
    return {layer["resource"]: _built(layer) for layer in described}


def publish(account: Account, stage: Stage) -> dict[str, str]:
    """Publish each layer for plain ``chalice deploy``. Return the ARNs of their versions by the layers' logical ids.

    A version that has been published before is used again.
    """
    published = {}
    for resource, content in build().items():
        name, digest = _name(stage, resource), hashlib.sha256(content).hexdigest()
        versions = _versions(account, name)
        same = [version["LayerVersionArn"] for version in versions if version.get("Description") == digest]
        published[resource] = same[0] if same else _published(account, name, digest, content)
    return published


def delete(account: Account, stage: Stage) -> None:
    """Delete what ``publish`` has published."""
    for path in parts.layers():
        name = _name(stage, yaml.safe_load(path.read_text(encoding="utf-8"))["resource"])
        for version in _versions(account, name):
            account.client("lambda").delete_layer_version(LayerName=name, VersionNumber=version["Version"])


def _name(stage: Stage, resource: str) -> str:
    return f"roster-{stage.name}-chalice-{resource}"


def _versions(account: Account, name: str) -> list[dict[str, Any]]:
    pages = account.client("lambda").get_paginator("list_layer_versions").paginate(LayerName=name)
    return [version for page in pages for version in page["LayerVersions"]]


def _published(account: Account, name: str, digest: str, content: bytes) -> str:
    published = account.client("lambda").publish_layer_version(
        LayerName=name, Description=digest, Content={"ZipFile": content}, CompatibleRuntimes=[RUNNING]
    )
    version: str = published["LayerVersionArn"]
    return version


def _built(layer: dict[str, Any]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        wheels, content = Path(folder) / "wheels", Path(folder) / "content"
        _download(layer["wheels"][RUNNING], wheels)
        for wheel in wheels.iterdir():
            with zipfile.ZipFile(wheel) as files:
                names = [name for name in files.namelist() if _is_kept(name, layer)]
                files.extractall(content / "python", names)
        archive.compile_modules(content)
        return archive.zipped(content)


def _download(wheels: dict[str, Any], target: Path) -> None:
    """Download wheels, which must have the hashes stated."""
    requirements = target.parent / "requirements.txt"
    requirements.write_text("".join(f"{name} --hash=sha256:{digest}\n" for name, digest in wheels["packages"].items()))
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--implementation", "cp"]
    command += ["--python-version", RUNNING.removeprefix("python"), "--platform", wheels["platform"]]
    command += ["--requirement", str(requirements), "--dest", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"The wheels of a layer could not be downloaded:\n{(done.stdout + done.stderr).strip()}")


def _is_kept(name: str, layer: dict[str, Any]) -> bool:
    without, despite = layer["without"], layer["despite"]
    left_out = any(fnmatch.fnmatchcase(name, pattern) for pattern in without)
    return not left_out or any(fnmatch.fnmatchcase(name, pattern) for pattern in despite)
