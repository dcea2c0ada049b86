"""The schemas of media."""

from chalicelib.media import content_types, items, thumbnails
from chalicelib.media.errors import ItemDeleted, NotAnImage, TooManyPixels
from chalicelib.security import tokens
from openapi.schemas import SUB, TIMESTAMP, Json, record, ref

MEDIAID = "3f2b8c1e-6a4d-4f0b-9a57-7d1c2e3f4a5b"
URL = {"type": "string", "format": "uri"}
TIME = {"type": "string", "format": "date-time"}
PIXELS = {"type": ["integer", "null"], "minimum": 1}
SIZE = {"type": "integer", "minimum": 1, "maximum": items.MAX_SIZE, "description": "Bytes"}
TITLE = {"type": ["string", "null"], "minLength": 1, "maxLength": items.MAX_TITLE}
DESCRIPTION = {"type": ["string", "null"], "minLength": 1, "maxLength": items.MAX_DESCRIPTION}
VISIBILITY = {"enum": [items.PRIVATE, items.PUBLIC], "default": items.PRIVATE}
CONTENT_TYPE = {"enum": [*content_types.ACCEPTED]}

_STATED: Json = {
    "mediaid": {"type": "string", "format": "uuid"},
    "owner": ref("UserId"),
    "owner_name": {"type": ["string", "null"], "description": "The name in the ID token that announced the picture"},
    "status": {"enum": [items.AWAITING_UPLOAD, items.PROCESSING, items.READY, items.REJECTED]},
    "visibility": VISIBILITY,
    "title": TITLE,
    "description": DESCRIPTION,
    "content_type": CONTENT_TYPE,
    "size": SIZE,
    "width": PIXELS,
    "height": PIXELS,
    "created": TIME,
    "modified": TIME,
}
_PICTURES: Json = {
    "thumbnail_url": {**URL, "description": "At most 256 × 256 pixels"},
    "display_url": {**URL, "description": "At most 2048 × 2048 pixels"},
    "expires": {**TIME, "description": "Until when the addresses are valid"},
}
_OWN: Json = {
    **_STATED,
    **_PICTURES,
    "original_url": {**URL, "description": "What was uploaded; only for its owner"},
    "reason": {"enum": [*items.REASONS], "description": "Why the upload was rejected"},
}
_PUBLIC: Json = {**_STATED, **_PICTURES, "status": {"const": items.READY}, "visibility": {"const": items.PUBLIC}}
_UPLOAD: Json = {
    "url": URL,
    "fields": {"type": "object", "additionalProperties": {"type": "string"}},
    "expires": TIME,
}
_CREDENTIALS: Json = {
    "identity_id": {"type": "string", "description": "The id that the identity pool knows you by"},
    "access_key_id": {"type": "string"},
    "secret_access_key": {"type": "string"},
    "session_token": {"type": "string"},
    "expiration": TIME,
}

SCHEMAS: Json = {
    "NewMediaItem": record(
        ["content_type", "size"],
        {
            "content_type": CONTENT_TYPE,
            "size": SIZE,
            "title": TITLE,
            "description": DESCRIPTION,
            "visibility": VISIBILITY,
        },
        additionalProperties=False,
    ),
    "MediaItem": record([*_STATED], _OWN, additionalProperties=False),
    "AwaitedMediaItem": record(
        [*_STATED],
        {
            **_OWN,
            "upload": record(
                [*_UPLOAD],
                _UPLOAD,
                additionalProperties=False,
                description="The form that uploads the picture to S3. Without it, the upload has arrived",
            ),
        },
        additionalProperties=False,
    ),
    "MediaItemPatch": record(
        [],
        {"title": TITLE, "description": DESCRIPTION, "visibility": VISIBILITY},
        additionalProperties=False,
    ),
    "MediaItems": {"type": "array", "maxItems": 100, "items": ref("MediaItem")},
    "PublicMediaItem": record([*_STATED, *_PICTURES], _PUBLIC, additionalProperties=False),
    "PublicMediaItems": {"type": "array", "maxItems": 100, "items": ref("PublicMediaItem")},
    "IdToken": record(
        ["id_token"],
        {"id_token": {"type": "string", "minLength": 1, "maxLength": tokens.MAX_LENGTH, "description": "Your own"}},
        additionalProperties=False,
    ),
    "AwsCredentials": record([*_CREDENTIALS], _CREDENTIALS, additionalProperties=False),
}

AWAITED = {
    "mediaid": MEDIAID,
    "owner": SUB,
    "owner_name": "Jane Doe",
    "status": items.AWAITING_UPLOAD,
    "visibility": items.PUBLIC,
    "title": "The harbour at dawn",
    "description": None,
    "content_type": "image/jpeg",
    "size": 2_481_032,
    "width": None,
    "height": None,
    "created": TIMESTAMP,
    "modified": TIMESTAMP,
}
PUBLISHED = {
    **AWAITED,
    "status": items.READY,
    "width": 4032,
    "height": 3024,
    "thumbnail_url": f"https://bucket.s3.eu-west-1.amazonaws.com/media/{SUB}/{MEDIAID}/thumbnail?X-Amz-…",
    "display_url": f"https://bucket.s3.eu-west-1.amazonaws.com/media/{SUB}/{MEDIAID}/display?X-Amz-…",
    "expires": TIMESTAMP,
}
OWN = {
    **PUBLISHED,
    "original_url": f"https://bucket.s3.eu-west-1.amazonaws.com/media/{SUB}/{MEDIAID}/original?X-Amz-…",
}
UPLOAD = {
    "url": "https://bucket.s3.eu-west-1.amazonaws.com/",
    "fields": {"key": f"incoming/{SUB}/{MEDIAID}", "Content-Type": "image/jpeg", "policy": "eyJleHBpcmF…"},
    "expires": TIMESTAMP,
}

EXAMPLES: Json = {
    "NewMediaItem": {
        200: {
            "content_type": "image/jpeg",
            "size": 2_481_032,
            "title": "The harbour at dawn",
            "visibility": items.PUBLIC,
        }
    },
    "AwaitedMediaItem": {200: {**AWAITED, "upload": UPLOAD}},
    "MediaItem": {200: OWN},
    "MediaItemPatch": {200: {"title": "The harbour", "visibility": items.PRIVATE}},
    "MediaItems": {200: [OWN]},
    "PublicMediaItem": {200: PUBLISHED},
    "PublicMediaItems": {200: [PUBLISHED]},
    "IdToken": {200: {"id_token": "eyJraWQiOi…"}},
    "AwsCredentials": {
        200: {
            "identity_id": "eu-west-1:1cf667a2-49a6-454b-9e45-23199EXAMPLE",
            "access_key_id": "ASIAIOSFODNN7EXAMPLE",
            "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "session_token": "IQoJb3JpZ2luX2VjE…",
            "expiration": TIMESTAMP,
        }
    },
}

TAGGED = dict.fromkeys(["AwaitedMediaItem", "MediaItem", "PublicMediaItem", "PublicMediaItems"], True)

PARAMETERS: Json = {
    "mediaid": {"description": "The media item's id", "schema": {"type": "string"}, "example": MEDIAID},
}

QUERY: Json = {
    "size": {
        "description": "The width and the height of the square, in pixels",
        "schema": {
            "type": "integer",
            "minimum": thumbnails.SMALLEST,
            "maximum": thumbnails.LARGEST,
            "default": thumbnails.DEFAULT,
        },
    },
}

DETAILS: Json = {
    "media-deleted": ItemDeleted().detail,
    "not-acceptable": thumbnails.ADVICE,
    "not-an-image": NotAnImage().detail,
    "too-many-pixels": TooManyPixels().detail,
}
