"""The routes of media: one's own, and those that are public.

What handles the requests is imported with the first one: every cold start, the authorizer's too, would pay for it.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.deadline import Deadline
from chalicelib.errors import InsufficientScope, KeyReused, NotFound
from chalicelib.housekeeping import Housekeeping
from chalicelib.json.strict_json import Json
from chalicelib.media import content_types
from chalicelib.media.errors import PROBLEMS, ItemDeleted, NotAcceptable, NotAnImage, TooManyPixels
from chalicelib.media.images import handler as images
from chalicelib.media.settings import MediaSettings
from chalicelib.personal_data import AddressOf, PersonalData
from chalicelib.security.access import ANYONE, OWN_ACCOUNT, SIGNED_IN
from chalicelib.security.tokens import Verifier
from chalicelib.storage.dynamodb import DynamoDB
from chalicelib.web.blueprint import Blueprint
from chalicelib.web.request import MAX_LIMIT

if TYPE_CHECKING:
    from chalicelib.media.aws_credentials import AwsCredentials
    from chalicelib.media.handlers import Handlers
    from chalicelib.media.housekeeping import MediaHousekeeping
    from chalicelib.media.index import Index
    from chalicelib.media.removal import Removal
    from chalicelib.storage.s3 import Bucket


def blueprint(  # noqa: C901, PLR0913, PLR0917  (as long as the list of its routes; what a capability gets)
    authorizer: Any,
    verifier: Verifier,
    database: DynamoDB,
    personal_data: PersonalData,
    housekeeping: Housekeeping,
    environ: Mapping[str, str],
) -> Blueprint:
    """Return the routes. ``authorizer`` guards what takes a token. ``verifier`` verifies tokens in bodies."""
    settings = MediaSettings.from_environ(environ)
    media = Blueprint(__name__, section="Media", problems=PROBLEMS)
    media.include(images.blueprint)

    @cache
    def index() -> "Index":
        from chalicelib.media.index import Index

        return Index(database, settings.table)

    @cache
    def bucket() -> "Bucket":
        from chalicelib.storage.s3 import Bucket

        return Bucket(settings.region, settings.bucket)

    @cache
    def removal() -> "Removal":
        from chalicelib.media.removal import Removal

        return Removal(index(), bucket())

    @cache
    def handlers() -> "Handlers":
        from chalicelib.media.handlers import Handlers

        return Handlers(index(), bucket(), removal())

    @cache
    def aws_credentials() -> "AwsCredentials":
        from chalicelib.media.aws_credentials import AwsCredentials
        from chalicelib.storage.cognito.service import Cognito
        from chalicelib.storage.identity_pool import IdentityPool

        cognito = Cognito(settings.user_pool, settings.user_pool_endpoint)
        return AwsCredentials(verifier, cognito, IdentityPool(settings.identity_pool, settings.identity_pool_endpoint))

    def export(_: str, address_of: AddressOf) -> Json:
        return {"href": address_of("/media")}

    def erase(userid: str, deadline: Deadline) -> bool:
        return removal().remove_all(userid, deadline)

    @cache
    def clean_up() -> "MediaHousekeeping":
        from chalicelib.media.housekeeping import MediaHousekeeping

        return MediaHousekeeping(index(), bucket(), removal())

    personal_data.join("media", export, erase)
    # Each gets a share of the time: a backlog of one kind does not starve the others.
    housekeeping.join("interrupted media deletes", lambda deadline: clean_up().finish_deletes(deadline))
    housekeeping.join("abandoned uploads", lambda deadline: clean_up().remove_abandoned(deadline))
    housekeeping.join("rejected media", lambda deadline: clean_up().remove_rejected(deadline))
    housekeeping.join("removed media", lambda deadline: clean_up().forget_removed(deadline))
    housekeeping.join("orphaned media objects", lambda deadline: clean_up().delete_orphans(deadline))

    # One's own

    @media.route(
        "/media",
        methods=["POST"],
        authorizer=authorizer,
        allow=SIGNED_IN,
        accepts="NewMediaItem",
        returns="AwaitedMediaItem",
        status=201,
        errors=[KeyReused, ItemDeleted],
        locates=True,
    )
    def post_media() -> Response:
        """Announce a picture. ``upload`` says how to send it to S3: as a form with these fields, then the ``file``.

        The form is valid for 15 minutes, and for exactly the announced type and size. The picture is ready when
        ``status`` is ``ready``.
        """
        return handlers().post_media(media.request)

    @media.route(
        "/media", methods=["GET"], authorizer=authorizer, allow=SIGNED_IN, returns="MediaItems", paged=MAX_LIMIT
    )
    def list_media() -> Response:
        """Return a page of your own media items, newest first."""
        return handlers().list_media(media.request)

    @media.route(
        "/media/{mediaid}",
        methods=["GET"],
        authorizer=authorizer,
        allow=SIGNED_IN,
        returns="MediaItem",
        errors=[NotFound],
    )
    def get_media_item(mediaid: str) -> Response:
        """Return one of your media items. Administrators can read all of them, without ``original_url``.

        The entity tag covers the item, and not the signed addresses, which expire.
        """
        return handlers().get_item(media.request, mediaid)

    @media.route(
        "/media/{mediaid}",
        methods=["PATCH"],
        authorizer=authorizer,
        allow=SIGNED_IN,
        accepts="MediaItemPatch",
        returns="MediaItem",
    )
    def patch_media_item(mediaid: str) -> Response:
        """Merge a patch (RFC 7396) into one of your media items."""
        return handlers().patch_item(media.request, mediaid)

    @media.route(
        "/media/{mediaid}", methods=["DELETE"], authorizer=authorizer, allow=SIGNED_IN, returns=None, status=204
    )
    def delete_media_item(mediaid: str) -> Response:
        """Delete one of your media items, and its pictures."""
        return handlers().delete_item(media.request, mediaid)

    @media.route(
        "/account/aws-credentials",
        methods=["POST"],
        authorizer=authorizer,
        allow=OWN_ACCOUNT,
        section="One's own account",
        accepts="IdToken",
        returns="AwsCredentials",
        errors=[InsufficientScope],
    )
    def post_aws_credentials() -> Response:
        """Return AWS credentials with which you can list and read your own pictures in S3, and nothing else.

        They are valid for an hour.
        """
        return aws_credentials().post(media.request)

    # For everybody

    @media.route("/public/media", methods=["GET"], allow=ANYONE, returns="PublicMediaItems", paged=MAX_LIMIT)
    def list_public_media() -> Response:
        """Return a page of the pictures that are public, newest first.

        A page looks at 30 days at most: it may be empty and still have a ``Link``.
        """
        return handlers().list_public(media.request)

    @media.route("/public/media/{mediaid}", methods=["GET"], allow=ANYONE, returns="PublicMediaItem", errors=[NotFound])
    def get_public_media_item(mediaid: str) -> Response:
        """Return a media item that is public."""
        return handlers().get_public(mediaid)

    # Thumbnails at once

    @media.route(
        "/thumbnails",
        methods=["POST"],
        authorizer=authorizer,
        allow=SIGNED_IN,
        accepts=None,
        accepts_types=content_types.ACCEPTED,
        returns=None,
        returns_types=content_types.MADE,
        query=["size"],
        errors=[NotAcceptable, NotAnImage, TooManyPixels],
        function="thumbnails",
    )
    def post_thumbnail() -> Response:
        """Make a picture smaller. It is not stored.

        The picture, a JPEG, PNG, WebP or GIF image of at most 4 MB, is fitted into a square, upright and without its
        metadata. The first media type in ``Accept`` decides what is returned.
        """
        from chalicelib.media.thumbnails import thumbnail  # loads Pillow

        return thumbnail(media.request)

    return media
