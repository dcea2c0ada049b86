"""Authenticator apps (TOTP, RFC 6238): the secret as they read it."""

from io import BytesIO
from urllib.parse import quote, urlencode


def uri(product: str, email: str, secret: str) -> str:
    """Return the address that authenticator apps read ("Key Uri Format", Google Authenticator wiki).

    ``product`` is the issuer, ``email`` names the account, and ``secret`` is base32.
    """
    label = f"{quote(product)}:{quote(email)}"
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': product}, quote_via=quote)}"


def qr_code(text: str) -> str:
    """Return ``text`` as a QR code (ISO/IEC 18004): SVG for a page or a data URL, black on white, without a size."""
    import segno

    svg = BytesIO()
    how = {"xmldecl": False, "nl": False, "svgclass": None, "lineclass": None, "omitsize": True}
    segno.make_qr(text, error="m").save(svg, kind="svg", light="white", **how)
    return svg.getvalue().decode()
