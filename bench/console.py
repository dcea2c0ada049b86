"""``python -m bench.console``: the first visit to the console, beside two other pages, and what it adds to cold starts.

One server on this machine serves all pages in the same way: HTTP/1.1, compressed with gzip, without a cache. Each visit
is one of a new browser. It ends when the page can be used: when the form, or the list of operations, is visible.

- The console is as the API serves it.
- Swagger UI is the documentation page of ``make run``, with the API's description.
- Supabase publishes its sign-in form as a React component. It is bundled by esbuild, minified, with the client that it
  needs, in the versions of ``PACKAGES``: what a page with nothing else has to load.
"""

import argparse
import compileall
import gzip
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from playwright.sync_api import Browser, sync_playwright

from bench.figures import FirstVisit, write
from bench.lab import say
from chalicelib.console.files import Files
from chalicelib.console.settings import ConsoleSettings
from embedded import page
from embedded.processes import HOST, PROJECT
from infra import parts

PACKAGES = {
    "@supabase/auth-ui-react": "0.4.7",
    "@supabase/auth-ui-shared": "0.1.8",
    "@supabase/supabase-js": "2.119.1",
    "esbuild": "0.28.2",
    "react": "18.3.1",
    "react-dom": "18.3.1",
}
ENTRY = """
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { createClient } from "@supabase/supabase-js";
import { Auth } from "@supabase/auth-ui-react";
import { ThemeSupa } from "@supabase/auth-ui-shared";

const supabaseClient = createClient("https://example.supabase.co", "key");
const form = createElement(Auth, { supabaseClient, appearance: { theme: ThemeSupa }, providers: [] });
createRoot(document.getElementById("app")).render(form);
"""
SLOW = {"latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8, "offline": False}
"""A slow mobile connection: 1.6 Mbit/s, 150 ms a request. With it goes a processor that is four times as slow."""
NOTES = """
new MutationObserver(() => {
  if (window.usableAt || !document.querySelector(SELECTOR)?.checkVisibility()) return;
  window.usableAt = performance.now();
}).observe(document, { subtree: true, childList: true });
"""
IMPORTS = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
started = time.process_time()
import app
print(json.dumps([1000 * (time.process_time() - started), len(sys.modules)]))
"""


class Site(NamedTuple):
    """A page: its files by path, with their types, and a selector of what shows that it can be used."""

    files: Mapping[str, tuple[str, bytes]]
    start: str
    usable: str


def console() -> Site:
    """Return the console."""
    files = Files(ConsoleSettings.from_environ(parts.examples()))
    request: Any = SimpleNamespace(path="/console", address=lambda: "https://api.example.com/console")
    found: dict[str, Any] = {"/console": files.page(request)}
    for name in files.names:
        found[f"/console/{files.version}/{name}"] = files.asset(request, files.version, name)
    served = {path: (response.headers["Content-Type"], response.body.encode()) for path, response in found.items()}
    return Site(served, "/console", "form input[type=email]")


def swagger_ui() -> Site:
    """Return the documentation page, and the description that it loads."""
    client = page._page("", 0).test_client()
    served = {"/openapi.json": ("application/json", (PROJECT / "chalicelib/openapi.json").read_bytes())}
    for path in ("/", "/page.js", *(f"/{file.name}" for file in page.SWAGGER_UI.iterdir() if file.is_file())):
        response = client.get(path)
        served[path] = (str(response.headers["Content-Type"]), response.data)
    return Site(served, "/", ".opblock")


def supabase(folder: Path) -> Site:
    """Build and return a page with Supabase's form, in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": PACKAGES}))
    (folder / "entry.js").write_text(ENTRY)
    bundle = "npx esbuild entry.js --bundle --minify --format=esm --target=es2022 --legal-comments=none"
    bundle += " --define:process.env.NODE_ENV='\"production\"' --outfile=page.js --log-level=warning"
    for command in ("npm install --no-audit --no-fund --silent", bundle):
        subprocess.run(["sh", "-c", command], cwd=folder, check=True)
    start = '<!doctype html><meta charset="utf-8"><title>Sign in</title><div id="app"></div>'
    start += '<script type="module" src="/page.js"></script>'
    served = {"/": ("text/html", start.encode()), "/page.js": ("text/javascript", (folder / "page.js").read_bytes())}
    return Site(served, "/", "form input[type=email]")


@contextmanager
def serving(site: Site) -> Iterator[str]:
    """Serve a page, and yield its origin."""
    compressed = {path: (kind, gzip.compress(body, 6)) for path, (kind, body) in site.files.items()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kind, body = compressed.get(self.path, ("text/plain", b""))
            self.send_response(200 if self.path in compressed else 404)
            headers = {"Content-Type": kind, "Content-Encoding": "gzip", "Content-Length": str(len(body))}
            for name, value in headers.items() if body else [("Content-Length", "0")]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def visit(browser: Any, address: str, usable: str, *, slow: bool) -> list[float]:
    """Return the requests and bytes of a first visit, and the milliseconds until the page can be used."""
    context = browser.new_context()
    tab = context.new_page()
    tab.add_init_script(NOTES.replace("SELECTOR", json.dumps(usable)))
    wire = context.new_cdp_session(tab)
    sizes: list[float] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    wire.send("Network.enable")
    if slow:
        wire.send("Network.emulateNetworkConditions", SLOW)
        wire.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    tab.goto(address)
    tab.wait_for_function("window.usableAt", timeout=120_000)
    tab.wait_for_load_state("networkidle")
    milliseconds = tab.evaluate("window.usableAt")
    context.close()
    return [len(sizes), sum(sizes), milliseconds]


def imports(rounds: int) -> dict[str, list[float]]:
    """Return the CPU milliseconds that the import of app.py takes, and the modules that it loads."""
    samples: dict[str, list[list[float]]] = {"with the console": [], "without it": []}
    with tempfile.TemporaryDirectory() as temporary:
        folders = {name: Path(temporary) / str(number) for number, name in enumerate(samples)}
        for name, folder in folders.items():
            shutil.copytree(PROJECT / "chalicelib", folder / "chalicelib")
            lines = (PROJECT / "app.py").read_text().splitlines()
            kept = [line for line in lines if name == "with the console" or "console(" not in line]
            kept = [line for line in kept if name == "with the console" or "console.routes" not in line]
            (folder / "app.py").write_text("\n".join(kept))
            compileall.compile_dir(folder, quiet=1)
        for number in range(rounds + 1):  # in turns; the first round only fills the disk cache
            for name, folder in folders.items():
                command = [sys.executable, "-c", IMPORTS, str(folder)]
                environ = {**parts.examples(), "AWS_DEFAULT_REGION": "us-east-1"}
                done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
                if number:
                    samples[name].append(json.loads(done.stdout))
    return {
        name: [round(statistics.median(column), 1) for column in zip(*of, strict=True)] for name, of in samples.items()
    }


def main() -> None:
    """Measure, then print and store the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="folder for the figures and for packages")
    parser.add_argument("--rounds", type=int, default=9, help="visits of each page, on each connection")
    parser.add_argument("--imports", type=int, default=20, help="imports of app.py")
    options = parser.parse_args()
    sites = {
        "the console, sign-in": console(),
        "Swagger UI, Roster's documentation": swagger_ui(),
        "Supabase's form, sign-in": supabase(options.folder.resolve() / "supabase"),
    }
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    figures = FirstVisit(machine, time.strftime("%Y-%m-%d"), options.rounds)
    say("Importing app.py …")
    figures.imports = imports(options.imports)
    with chromium() as browser:
        figures.machine += f", Chromium {browser.version.partition('.')[0]}"
        samples: dict[str, list[list[float]]] = {name: [] for name in sites}
        for number in range(options.rounds + 1):  # in turns; the first round only warms up
            say(f"\rVisit {number} of {options.rounds} ", end="")
            for name, site in sites.items():
                with serving(site) as origin:
                    fast = visit(browser, origin + site.start, site.usable, slow=False)
                    slow = visit(browser, origin + site.start, site.usable, slow=True)
                if number:
                    samples[name].append([*fast, slow[-1]])
    for name, measured in samples.items():
        figures.pages[name] = [round(statistics.median(column)) for column in zip(*measured, strict=True)]
    print(f"\n{figures.table()}\n{figures.imports_table()}")
    options.folder.mkdir(exist_ok=True)
    write(figures, options.folder / "console.json")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Launch a headless browser, and yield it."""
    os.environ["PLAYWRIGHT_BROWSERS_PATH"] = "0"  # as tests/browser/chromium.py installs it, if there is no other
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        yield playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])


if __name__ == "__main__":
    main()
