"""Requests on loopback count as encrypted, for policies that demand TLS (``aws:SecureTransport``).

The embedded AWS has no certificate, and its templates are those of AWS.
"""

from typing import Any


def install(app: Any) -> None:
    """Replace what the module ``ministack.app`` notes of each request for its policies."""
    pin = app.pin_request_origin
    app.pin_request_origin = lambda source_ip, _: pin(source_ip, secure_transport=True)
