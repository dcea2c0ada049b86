"""What can go wrong with media, and the problem types that clients see."""

from http import HTTPStatus

from chalicelib.errors import RosterError
from chalicelib.web.problems import Problem, Problems


class NotAcceptable(RosterError):
    """The client accepts none of the media types that the route can return."""


class ItemDeleted(RosterError):
    """The Idempotency-Key is that of a media item which has been deleted, or whose upload never arrived."""

    def __init__(self) -> None:
        super().__init__("The media item of this Idempotency-Key was deleted or has expired: send a new key.")


class NotAnImage(RosterError):
    """The body is no picture that can be read."""

    def __init__(self) -> None:
        super().__init__("The body is not a JPEG, PNG, WebP or GIF image that can be read, or it is damaged.")


class TooManyPixels(RosterError):
    """The picture has more pixels than Roster unpacks, or is too long for a JPEG."""

    def __init__(self) -> None:
        super().__init__(
            "The image has more than 50 megapixels, or a side of more than 65,535 pixels: make it smaller."
        )


PROBLEMS: Problems = {
    ItemDeleted: Problem("media-deleted", HTTPStatus.CONFLICT, "Media item deleted"),
    NotAcceptable: Problem("not-acceptable", HTTPStatus.NOT_ACCEPTABLE, "Not acceptable"),
    NotAnImage: Problem("not-an-image", HTTPStatus.UNPROCESSABLE_ENTITY, "Not an image"),
    TooManyPixels: Problem("too-many-pixels", HTTPStatus.UNPROCESSABLE_ENTITY, "Too many pixels"),
}
