"""Of several media types in ``Accept``, the first decides whether a response is bytes or text.

Source: "Return binary media from a Lambda proxy integration in API Gateway", API Gateway developer guide. ministack
compares the whole header.
"""

from collections.abc import Sequence

from ministack.services import apigateway_v1


def install() -> None:
    """Replace ministack's comparison of a header with an API's binary media types."""
    matches = apigateway_v1._media_type_matches

    def first_matches(header: str | None, types: Sequence[str]) -> bool:
        is_binary: bool = matches((header or "").partition(",")[0], types)
        return is_binary

    apigateway_v1._media_type_matches = first_matches
