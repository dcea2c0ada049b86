"""The console's page and its files, as they are served: types, headers, caching and sizes."""

import gzip
import re
from pathlib import Path

import pytest

from chalicelib.console import files
from chalicelib.console.settings import ConsoleSettings
from chalicelib.storage.s3 import Bucket
from infra import parts

PAGE = Path(files.__file__).parent / "page"
VENDOR = PAGE / "vendor"
SERVED = sorted(path.name for path in files._paths() if path.name != "index.html")
KIBIBYTE = 1024


@pytest.fixture
def console(api):
    return api.get("/console")


@pytest.fixture
def address(console):
    """A function that returns the path of one of the console's files."""
    version = re.search(r'"console/(\w+)/app\.js"', console.body.decode())[1]
    return lambda name: f"/console/{version}/{name}"


def linked(page):
    """The files that a page links to."""
    return re.findall(r'(?:href|src)="console/\w+/([^"]+)"', page)


def imported(name):
    """The modules that a module imports before it runs."""
    path = next(path for path in files._paths() if path.name == name)
    return re.findall(r'^(?:import|export) [^;]*?from "\./([\w-]+\.js)";', path.read_text(), re.MULTILINE)


class TestPage:
    def test_it_is_html_that_browsers_ask_for_each_time(self, console):
        assert console.status == 200
        assert console.headers["content-type"] == "text/html; charset=utf-8"
        assert console.headers["cache-control"] == "no-cache"
        assert console.body.startswith(b"<!doctype html>")

    def test_a_browser_that_has_it_gets_304(self, api, console):
        answer = api.get("/console", headers={"If-None-Match": console.headers["etag"]})
        assert answer.status == 304
        assert answer.headers["etag"] == console.headers["etag"]
        assert answer.headers["access-control-allow-origin"] == console.headers["access-control-allow-origin"]

    def test_its_policy_allows_only_its_own_files_and_the_bucket(self, api, console):
        directives = dict(part.split(" ", 1) for part in console.headers["content-security-policy"].split("; "))
        bucket = re.search("&quot;bucket&quot;: &quot;(http[^&]*)&quot;", console.body.decode())[1]
        assert directives == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": f"'self' {bucket} data: blob:",
            "connect-src": f"'self' {bucket}",
            "form-action": "'none'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
            "require-trusted-types-for": "'script'",
            "trusted-types": "'none'",
        }

    def test_its_headers_keep_other_pages_away(self, console):
        assert {
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
        }.items() <= console.headers.items()
        assert console.headers["access-control-allow-origin"] != "*"

    def test_its_links_are_relative_to_its_own_address(self, console):
        addresses = re.findall(r'(?:href|src)="([^"]*)"', console.body.decode())
        assert len(addresses) > 5
        assert all(address.startswith("console/") for address in addresses)

    def test_it_has_no_script_or_style_of_its_own(self, console):
        page = console.body.decode()
        assert re.findall(r"<script(?![^>]* src=)", page) == []
        assert "<style" not in page
        assert not re.search(r"\s(?:style|on\w+)=", page)

    def test_it_preloads_exactly_what_the_first_form_needs(self, console):
        needed, seen = ["app.js"], set()
        while needed:
            name = needed.pop()
            if name not in seen:
                seen.add(name)
                needed += imported(name)
        assert sorted(set(linked(console.body.decode()))) == sorted({*seen, "style.css", "icon.svg"})

    def test_with_a_slash_at_its_end_the_address_redirects(self, api):
        answer = api.send("GET", "/console/", {}, None)
        if answer.status == 308:  # API Gateway may not know the path
            assert answer.headers["location"] == "../console"


class TestFiles:
    @pytest.mark.parametrize("name", SERVED)
    def test_each_is_reachable_with_its_type_and_never_changes(self, api, address, name):
        answer = api.get(address(name))
        assert answer.status == 200
        assert answer.headers["content-type"] == f"{files.TYPES[Path(name).suffix]}; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.body.decode() == next(path for path in files._paths() if path.name == name).read_text()
        assert api.get(address(name), headers={"If-None-Match": answer.headers["etag"]}).status == 304

    @pytest.mark.parametrize(
        "name", ["unknown.js", "README.md", "index.html", "entry.mjs", "LICENSE-htm", "%2e%2e%2ffiles.py"]
    )
    def test_any_other_name_is_not_found(self, api, address, name):
        assert api.send("GET", address(name), {}, None).status == 404

    def test_another_version_is_not_found(self, api):
        assert api.get("/console/0000000000000000/app.js").status == 404

    def test_other_methods_are_not_allowed(self, api, address):
        for path in ("/console", address("app.js")):
            answer = api.post(path, json={})
            assert (answer.status, answer.headers["allow"]) == (405, "GET")

    def test_every_module_imports_only_files_that_exist(self):
        for path in PAGE.glob("*.js"):
            text = path.read_text()
            names = re.findall(r'(?:from|import\()\s*"([^"]+)"', text)
            assert all(name.startswith("./") and name[2:] in SERVED for name in names), path.name

    def test_together_they_are_at_most_100_kb_over_the_wire(self):
        sizes = {path.name: len(gzip.compress(path.read_bytes(), 6)) for path in files._paths()}
        assert sum(sizes.values()) <= 100 * KIBIBYTE, sizes

    def test_a_change_of_any_file_changes_the_version(self, monkeypatch, tmp_path):
        settings = ConsoleSettings.from_environ({})
        before = files.Files(settings).version
        (tmp_path / "vendor").mkdir()
        for path in files._paths():
            (tmp_path / path.relative_to(PAGE)).write_text(path.read_text())
        monkeypatch.setattr(files, "FOLDER", tmp_path)
        assert files.Files(settings).version == before
        (tmp_path / "style.css").write_text("/* new */")
        assert files.Files(settings).version != before


class TestVendoredFiles:
    def test_they_have_the_stated_hashes(self):
        import hashlib

        stated = dict(re.findall(r"^\| `([\w.]+)` \| `(\w{64})` \|$", (VENDOR / "README.md").read_text(), re.MULTILINE))
        found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.*js")}
        assert found == stated

    def test_their_licences_are_there(self):
        assert "MIT" in (VENDOR / "LICENSE-preact").read_text()
        assert "Apache License" in (VENDOR / "LICENSE-htm").read_text()


class TestSettings:
    @pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "il-central-1"])
    def test_the_origin_of_the_bucket_is_the_one_that_addresses_are_signed_for(self, monkeypatch, region):
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
            monkeypatch.delenv(name, raising=False)
        self._assert_signed({"AWS_REGION": region, "MEDIA_BUCKET": "roster-pictures-1"}, monkeypatch)

    def test_on_an_emulator_it_is_the_emulators_origin(self, monkeypatch):
        self._assert_signed(
            {"AWS_REGION": "us-east-1", "MEDIA_BUCKET": "pictures", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
            monkeypatch,
        )

    def _assert_signed(self, environ, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        bucket = Bucket(environ["AWS_REGION"], environ["MEDIA_BUCKET"])
        origin = ConsoleSettings.from_environ(environ).bucket
        assert bucket.address("a", 0, 900).startswith(f"{origin}/")
        assert f"{bucket.upload_form('a', 'image/png', 1, 60).url}/".startswith(f"{origin}/")

    def test_without_media_and_accounts_there_is_still_a_page(self):
        settings = ConsoleSettings.from_environ({})
        assert settings == ConsoleSettings(None, "", sign_up=False, totp=False, admin_group="apiAdmins")
        assert "'self' data: blob:" in files.policy(settings.bucket)

    def test_they_contain_nothing_secret(self):
        environ = parts.examples()
        shown = str(ConsoleSettings.from_environ(environ).as_json())
        assert environ["SIGN_IN_CLIENT_ID"] not in shown
        assert environ["USER_POOL_ID"] not in shown
