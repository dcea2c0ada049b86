"""The implementations that are compared. Each is built into a folder once, as it would be deployed."""

import io
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from infra import layers, package, stages

SOURCES = Path(__file__).parent / "sources"
CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"
JOSE = "python-jose[cryptography]==3.5.0"


@dataclass(frozen=True)
class Candidate:
    """A Lambda function: its ``handler``, as configured in Lambda, and the folder ``task`` that has its code.

    ``layer`` is the folder of its layer, if it has one.
    """

    name: str
    task: Path
    handler: str
    layer: Path | None = None

    @property
    def bundles_boto3(self) -> bool:
        """Whether the package contains boto3. If not, it uses the one that Lambda provides."""
        return (self.task / "boto3").exists()


def runtime(folder: Path) -> Path:
    """Return the folder with what Lambda itself provides: boto3, compiled."""
    target = folder / "runtime"
    if not target.exists():
        _install(target, ["boto3"], compiled=True)
    return target


def apis(folder: Path) -> list[Candidate]:
    """Build the users APIs."""
    return [
        roster(folder),
        Candidate("stock", _bundled(folder, "stock", ["chalice==1.34.0", "boto3", JOSE]), "app.app"),
        Candidate("workshop", _bundled(folder, "workshop", ["boto3", JOSE]), "users.handler"),
        Candidate("fastapi", _bundled(folder, "fastapi", ["fastapi==0.165.0", "mangum==0.22.0"]), "app.handler"),
        Candidate("powertools", _bundled(folder, "powertools", ["aws-lambda-powertools==3.37.0"]), "app.handler"),
        Candidate("floor", _bundled(folder, "floor", ["cryptography==50.0.2"]), "users.handler"),
    ]


def sign_ins(folder: Path, apis: list[Candidate]) -> list[Candidate]:
    """Return Roster, fastapi-users, and a bare call of Cognito. The other packages have no route that signs in."""
    return [*own_accounts(folder, apis), Candidate("bare", _bundled(folder, "bare", []), "sessions.handler")]


def own_accounts(folder: Path, apis: list[Candidate]) -> list[Candidate]:
    """Return Roster and fastapi-users."""
    requirements = ["fastapi==0.165.0", "fastapi-users==15.0.5", "mangum==0.22.0"]
    return [apis[0], Candidate("fastapi-users", _bundled(folder, "fastapi_users", requirements), "app.handler")]


def images(folder: Path, apis: list[Candidate]) -> list[Candidate]:
    """Return Roster's images function, and one in bare Pillow. Both have Roster's layer."""
    layer = folder / "layer"
    shutil.rmtree(layer, ignore_errors=True)
    [content] = layers.build().values()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(layer)
    return [
        Candidate("roster", apis[0].task, "chalicelib.media.images.handler.images", layer / "python"),
        Candidate("bare Pillow", _bundled(folder, "bare_images", []), "images.handler", layer / "python"),
    ]


def authorizers(apis: list[Candidate]) -> list[Candidate]:
    """Return the JWT authorizers in the same packages. FastAPI and Powertools have none."""
    built = {candidate.name: candidate.task for candidate in apis}
    return [
        Candidate("roster", built["roster"], "app.jwt_authorizer"),
        Candidate("stock", built["stock"], "app.jwt_authorizer"),
        Candidate("workshop", built["workshop"], "authorizer.handler"),
        Candidate("floor", built["floor"], "authorizer.handler"),
    ]


def roster(folder: Path) -> Candidate:
    """Package Roster as ``make deploy`` does. Unlike the others, it is built in every run."""
    target = folder / "roster"
    shutil.rmtree(target, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(package.build(stages.stage("dev")).zip)) as archive:
        archive.extractall(target)
    return Candidate("roster", target, "app.app")


def _bundled(folder: Path, name: str, requirements: list[str]) -> Path:
    """Return a folder with sources and dependencies, as ``sam build`` and plain ``chalice package`` create it."""
    target = folder / name
    if requirements and not target.exists():
        _install(target, requirements, compiled=False)
    target.mkdir(exist_ok=True)
    for source in (SOURCES / name).glob("*.py"):
        shutil.copy(source, target)
    return target


def _install(target: Path, requirements: list[str], *, compiled: bool) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--target", str(target)]
    flag = "--compile" if compiled else "--no-compile"
    subprocess.run([*pip, flag, "--constraint", str(CONSTRAINTS), *requirements], check=True)
