"""The deployment package: its contents, and its handlers with only the packages that Lambda provides."""

import importlib.util
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import boto3
import pytest
from packaging.utils import canonicalize_name

from chalicelib.local.runtime import RUNNING
from infra import package, parts, pins, stages
from testbed.events import TOKEN_EVENT, proxy_event
from testbed.pool import KeyServer, Pool

ORIGIN = "https://other.example"
LAMBDAS_OWN = ["boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"]
RUN = """
import importlib, json, sys
event, handler = json.load(sys.stdin), sys.argv[1]
class Context: aws_request_id = "r-1"
module, name = handler.split(".")
try:
    result = getattr(importlib.import_module(module), name)(event, Context())
except Exception as error:
    result = {"raised": str(error)}
names = {name if name.startswith("chalicelib.") else name.partition(".")[0] for name in sys.modules}
print(json.dumps([result, sorted(names)]))
"""


@pytest.fixture(scope="module")
def other():
    """The package of another stage, with an origin of its own."""
    return package.build(stages.Stage("prod", {}, {"CorsOrigin": ORIGIN}))


@pytest.fixture(scope="module")
def names(built):
    return zipfile.ZipFile(io.BytesIO(built.zip)).namelist()


@pytest.fixture(scope="module")
def unpacked(built, tmp_path_factory):
    """The unpacked zip, and a second folder with boto3 and its dependencies, as in Lambda."""
    task, runtime = tmp_path_factory.mktemp("task"), tmp_path_factory.mktemp("runtime")
    zipfile.ZipFile(io.BytesIO(built.zip)).extractall(task)
    installed = Path(boto3.__file__).parent.parent
    for name in LAMBDAS_OWN:
        (runtime / name).symlink_to(installed / name)
    return task, runtime


@pytest.fixture(scope="module")
def invoke(unpacked):
    """A function that calls a handler in a process that can't import from this checkout.

    It returns the handler's result and the names of the imported packages and modules of ``chalicelib``.
    """

    def call(handler, event, **settings):
        task, runtime = unpacked
        script = f"import sys; sys.path[:0] = [{str(task)!r}, {str(runtime)!r}]\n{RUN}"
        done = subprocess.run(
            # -I -S: ignore this folder and the packages of this environment
            [sys.executable, "-I", "-S", "-c", script, handler],
            input=json.dumps(event),
            cwd=task,
            env={**parts.examples(), "AWS_REGION": "us-east-1", **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def pinned(name):
    """Return the versions in a file of pins, by the normalized names of the distributions."""
    lines = (parts.PROJECT / name).read_text().splitlines()
    pins_of = [line.partition("==") for line in lines if "==" in line and not line.startswith("#")]
    return {canonicalize_name(name.partition("[")[0]): version for name, _, version in pins_of}


def distributions(content):
    """Return the versions of the distributions in a zip, by their normalized names."""
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    found = [name.split(".dist-info/")[0].rsplit("-", 1) for name in names if name.endswith(".dist-info/METADATA")]
    return {canonicalize_name(name): version for name, version in found}


def is_older(platform, glibc):
    """Return whether a wheel with this tag runs with ``glibc`` on x86_64."""
    legacy = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
    match = re.fullmatch(r"(manylinux\d*)(?:_(\d+)_(\d+))?_x86_64", platform)
    return bool(match) and (legacy.get(match[1]) or (int(match[2]), int(match[3]))) <= glibc


class TestPins:
    def test_requirements_txt_is_up_to_date(self):
        requirements, constraints = (
            (parts.PROJECT / name).read_text() for name in ("requirements.txt", "constraints.txt")
        )
        assert pins.pinned(requirements, constraints) == requirements

    def test_the_pins_follow_the_constraints(self):
        text = pins.pinned("python-jose[cryptography]==3.5.0\n", constraints_with("ecdsa", "0.0.1"))
        assert "\necdsa==0.0.1\n" in text

    def test_an_extra_that_is_not_asked_for_is_not_pinned(self):
        constraints = (parts.PROJECT / "constraints.txt").read_text()
        assert "cryptography==" not in pins.pinned("python-jose==3.5.0\n", constraints)


def constraints_with(name, version):
    text = (parts.PROJECT / "constraints.txt").read_text()
    return re.sub(rf"^{name}==.*$", f"{name}=={version}", text, flags=re.MULTILINE)


class TestContent:
    def test_the_package_is_at_most_7_mb(self, built):
        assert len(built.zip) <= 7 * 2**20

    def test_packages_that_nothing_imports_are_left_out(self, names):
        assert {name.split("/")[0] for name in names}.isdisjoint(package.UNUSED)
        assert "_cffi_backend" in {name.split(".")[0] for name in names}

    def test_the_package_contains_only_the_code_that_runs(self, names):
        ours = {name.split("/")[0] for name in names} & {path.name for path in parts.PROJECT.iterdir()} - {
            "__pycache__"
        }
        assert ours == {"app.py", "chalicelib"}
        assert "chalicelib/openapi.json" in names

    def test_the_package_contains_all_files_of_the_console(self, names):
        folder = parts.PROJECT / "chalicelib" / "console" / "page"
        files = {str(path.relative_to(parts.PROJECT)) for path in folder.rglob("*") if path.is_file()}
        assert len(files) > 10
        assert files <= set(names)

    def test_the_package_contains_neither_boto3_nor_development_tools(self, names):
        assert not {name.split("/")[0] for name in names} & {"boto3", "botocore", "pytest", "moto", "flask", "tests"}

    def test_every_module_has_bytecode_that_python_uses_without_checking_the_source(self, built, names):
        archive = zipfile.ZipFile(io.BytesIO(built.zip))
        modules = [name for name in names if name.endswith(".py")]
        assert len(modules) > 200
        for name in modules:
            header = archive.read(importlib.util.cache_from_source(name))[:8]
            assert header[:4] == importlib.util.MAGIC_NUMBER
            assert int.from_bytes(header[4:], "little") == 0b01, name  # hash-based, unchecked: PEP 552

    def test_every_distribution_is_pinned(self, built):
        assert distributions(built.zip).items() <= pinned("constraints.txt").items()
        assert distributions(built.zip) == pinned("requirements.txt")

    def test_every_distribution_is_a_wheel_that_was_published_for_lambda(self, built):
        """Chalice compiles a package that has no wheel for the runtime. That would have a tag such as linux_x86_64."""
        glibc = (2, 26) if RUNNING == "python3.11" else (2, 34)
        archive = zipfile.ZipFile(io.BytesIO(built.zip))
        wheels = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".dist-info/WHEEL")]
        assert len(wheels) == len(distributions(built.zip))
        for wheel in wheels:
            platforms = [tag.split("-")[2] for tag in re.findall(r"^Tag: (\S+)", wheel, re.MULTILINE)]
            assert any(platform == "any" or is_older(platform, glibc) for platform in platforms), wheel

    def test_the_functions_run_on_the_python_that_packaged_them(self, built):
        functions = [r for r in built.template["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
        assert {function["Properties"]["Runtime"] for function in functions} == {RUNNING}

    def test_the_build_is_reproducible_and_stages_differ_only_in_their_name_and_origin(self, built, other):
        assert other.key == built.key
        template = other.template_for("b").replace(":stage=prod:", ":stage=dev:").replace(ORIGIN, "*")
        assert template == built.template_for("b")


def test_the_origin_of_a_stage_is_in_all_preflight_and_gateway_responses(other):
    rest_api = other.template["Resources"]["RestAPI"]["Properties"]
    for response in rest_api["GatewayResponses"].values():
        assert response["ResponseParameters"]["Headers"]["Access-Control-Allow-Origin"] == f"'{ORIGIN}'"
    for methods in rest_api["DefinitionBody"]["paths"].values():
        headers = methods["options"]["x-amazon-apigateway-integration"]["responses"]["default"]["responseParameters"]
        assert headers["method.response.header.Access-Control-Allow-Origin"] == f"'{ORIGIN}'"


class TestApiHandler:
    def test_a_request_without_database_access_does_not_import_botocore(self, invoke):
        result, imported = invoke("app.app", proxy_event("GET", "/open"))
        assert result["statusCode"] == 200
        assert not {"boto3", "botocore"} & set(imported)
        assert "chalicelib.web.problems" in imported
        assert "chalicelib.web.gateway_responses" not in imported
        assert "chalicelib.console.files" not in imported

    def test_the_console_is_served_without_importing_botocore(self, invoke):
        result, imported = invoke("app.app", proxy_event("GET", "/console"))
        assert result["statusCode"] == 200
        assert result["body"].startswith("<!doctype html>")
        assert not {"boto3", "botocore"} & set(imported)

    def test_the_api_function_does_not_import_python_jose(self, invoke):
        _, imported = invoke("app.app", proxy_event("POST", "/users", "{}"), AWS_ENDPOINT_URL="http://127.0.0.1:9")
        assert "botocore" in imported
        assert not {"boto3", "jose"} & set(imported)

    def test_the_api_function_uses_the_botocore_of_lambda(self, invoke):
        credentials = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        event = proxy_event("GET", "/users/{userid}")
        result, _ = invoke("app.app", event, AWS_ENDPOINT_URL="http://127.0.0.1:9", **credentials)
        assert result["statusCode"] == 503
        assert json.loads(result["body"])["request_id"] == "request-1"


class TestAuthorizer:
    @pytest.fixture
    def pool(self):
        return Pool()

    @pytest.fixture
    def settings(self, pool):
        keys = KeyServer(pool.key.jwk)
        yield {
            "USER_POOL_ID": pool.id,
            "USER_POOL_ARN": pool.arn,
            "APPLICATION_CLIENT_ID": pool.client_id,
            "JWKS_URL": keys.url,
        }
        keys.close()

    def test_the_authorizer_returns_a_policy_without_importing_botocore(self, invoke, pool, settings):
        result, imported = invoke("app.jwt_authorizer", {**TOKEN_EVENT, "authorizationToken": pool.token()}, **settings)
        assert result["policyDocument"]["Statement"][0]["Effect"] == "Allow"
        assert result["principalId"]
        assert not {"boto3", "botocore"} & set(imported)

    def test_a_failure_raises_another_message_so_that_api_gateway_does_not_return_401(self, invoke, pool, settings):
        unreachable = {**settings, "JWKS_URL": "http://127.0.0.1:9/keys"}
        event = {**TOKEN_EVENT, "authorizationToken": pool.token()}
        result, _ = invoke("app.jwt_authorizer", event, **unreachable)
        assert "raised" in result
        assert result["raised"] != "Unauthorized"

    def test_a_rejection_raises_exactly_the_message_that_api_gateway_expects(self, invoke, settings):
        result, _ = invoke("app.jwt_authorizer", {**TOKEN_EVENT, "authorizationToken": "Bearer x"}, **settings)
        assert result == {"raised": "Unauthorized"}
