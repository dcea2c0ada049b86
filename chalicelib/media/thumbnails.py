"""``POST /thumbnails``: a picture in, a smaller one out, without storing either.

API Gateway passes on a body as bytes if its type is one of the API's binary types, and returns one as bytes if the
first type in ``Accept`` is ("Return binary media from a Lambda proxy integration", API Gateway developer guide).
"""

import re

from chalice.app import Response

from chalicelib.errors import Invalid
from chalicelib.media import content_types
from chalicelib.media.errors import NotAcceptable, NotAnImage, TooManyPixels
from chalicelib.media.images import pictures
from chalicelib.media.items import TOO_MANY_PIXELS
from chalicelib.web import responses
from chalicelib.web.request import Request

MAX_BYTES = 4_000_000
"""As base64, this fits into the 6 MB of an event ("Lambda quotas")."""
SMALLEST, LARGEST, DEFAULT = 16, 1024, 200
ADVICE = "Send an Accept header whose first type is image/jpeg, image/png or image/webp."
SIZE = re.compile(r"[1-9]\d{1,3}", re.ASCII)


def thumbnail(request: Request) -> Response:
    """Return the picture in the body, fitted into a square."""
    size, content_type = _size(request), _returned(request)
    picture = request.content(content_types.ACCEPTED, MAX_BYTES)
    try:
        made = pictures.fitted(picture, size, content_type)
    except pictures.Rejected as rejected:
        raise TooManyPixels if rejected.reason == TOO_MANY_PIXELS else NotAnImage from None
    return responses.binary(made, content_type)


def _size(request: Request) -> int:
    text = request.query("size")
    if text is None:
        return DEFAULT
    if not SIZE.fullmatch(text) or not SMALLEST <= int(text) <= LARGEST:
        raise Invalid.at("/size", f"The size must be a whole number from {SMALLEST} to {LARGEST}.")
    return int(text)


def _returned(request: Request) -> str:
    """Return the media type that the client wants: the first in ``Accept``, which decides for API Gateway too."""
    first = request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip().lower()
    if first not in content_types.MADE:
        raise NotAcceptable(ADVICE)
    return first
