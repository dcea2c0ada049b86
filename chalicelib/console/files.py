"""The files of the console, in memory: the page, and what it loads.

Requests never reach the file system: they look up names in a dictionary.
"""

import hashlib
import json
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from chalice.app import Response

from chalicelib.console.settings import ConsoleSettings
from chalicelib.errors import NotFound
from chalicelib.web.request import Request

FOLDER = Path(__file__).parent / "page"
PAGE = "index.html"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""The files that the page may load, by their suffix. All of them are UTF-8 text."""
UNCHANGING = "public, max-age=31536000, immutable"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class Files:
    """The page for these settings, and the other files."""

    def __init__(self, settings: ConsoleSettings) -> None:
        found = {path.name: path.read_text(encoding="utf-8") for path in _paths()}
        self.version = _digest("\0".join(f"{name}\0{found[name]}" for name in sorted(found)))[:16]
        page = found.pop(PAGE)
        self.names = frozenset(found)
        self._texts: Mapping[str, str] = found
        self._tags = {name: f'"{_digest(text)}"' for name, text in found.items()}
        self._page = page.replace("{{version}}", self.version).replace(
            "{{settings}}", escape(json.dumps(settings.as_json()))
        )
        self._page_tag = f'"{_digest(self._page)}"'
        self._policy = policy(settings.bucket)

    def page(self, request: Request) -> Response:
        """Return the page. Browsers ask each time whether they have the current one."""
        if request.path.endswith("/"):  # the page's links are relative
            return Response(body="", status_code=HTTPStatus.PERMANENT_REDIRECT, headers={"Location": "../console"})
        headers = {
            "Cache-Control": "no-cache",
            "ETag": self._page_tag,
            "Content-Security-Policy": self._policy,
            "Permissions-Policy": PERMISSIONS,
        }
        return _response(self._page, "text/html", headers, request)

    def asset(self, request: Request, version: str, name: str) -> Response:
        """Return another file. Raises ``NotFound``, also if the page has other files by now."""
        if version != self.version or name not in self._texts:
            raise NotFound("The console has no such file. If it was updated, reload the page.")
        headers = {
            "Cache-Control": UNCHANGING,
            "ETag": self._tags[name],
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        }
        return _response(self._texts[name], TYPES[Path(name).suffix], headers, request)


def policy(bucket: str | None) -> str:
    """Return the page's Content-Security-Policy. Pictures are sent to and fetched from the origin ``bucket``."""
    sources = " ".join(filter(None, ["'self'", bucket]))
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src {sources} data: blob:",
            f"connect-src {sources}",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


def _paths() -> list[Path]:
    """Return the files. Those of ``vendor/`` are served beside the others, so that modules can import them there."""
    candidates = [*FOLDER.iterdir(), *(FOLDER / "vendor").iterdir()]
    return [path for path in candidates if path.name == PAGE or path.suffix in TYPES]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _response(text: str, media_type: str, headers: Mapping[str, str], request: Request) -> Response:
    """Return text that only pages of the API's own origin may read."""
    address = urlsplit(request.address())
    return Response(
        body=text,
        headers={
            "Content-Type": f"{media_type}; charset=utf-8",
            "Access-Control-Allow-Origin": f"{address.scheme}://{address.netloc}",
            **HEADERS,
            **headers,
        },
    )
