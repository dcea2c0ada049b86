"""A tour with the Python client: from sign-up to a published picture, and away again.

    python tour.py http://127.0.0.1:8000 jane@example.com

``roster_client`` is what ``make clients`` has generated. The code that is mailed to the address is read from standard
input. Exits with a message at the first response that is not as expected.
"""

import sys
import time
from base64 import b64decode
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
from roster_client import AuthenticatedClient, Client
from roster_client.api.accounts_and_sessions import post_account, post_confirmation, post_refresh
from roster_client.api.media import get_media_item, list_public_media, patch_media_item, post_media
from roster_client.api.ones_own_account import post_own_deletion
from roster_client.api.the_signed_in_user import get_greeting, post_profile
from roster_client.api.users import get_user, list_users, patch_user, put_user
from roster_client.models.awaited_media_item import AwaitedMediaItem
from roster_client.models.awaited_media_item_upload import AwaitedMediaItemUpload
from roster_client.models.confirmation import Confirmation
from roster_client.models.document import Document
from roster_client.models.forbidden_problem import ForbiddenProblem
from roster_client.models.greeting import Greeting
from roster_client.models.invalid_request_problem import InvalidRequestProblem
from roster_client.models.mailed import Mailed
from roster_client.models.media_item import MediaItem
from roster_client.models.media_item_patch import MediaItemPatch
from roster_client.models.media_item_patch_visibility import MediaItemPatchVisibility
from roster_client.models.media_item_status import MediaItemStatus
from roster_client.models.new_account import NewAccount
from roster_client.models.new_media_item import NewMediaItem
from roster_client.models.new_media_item_content_type import NewMediaItemContentType
from roster_client.models.password import Password
from roster_client.models.precondition_failed_problem import PreconditionFailedProblem
from roster_client.models.profile import Profile
from roster_client.models.refresh_token import RefreshToken
from roster_client.models.tokens import Tokens
from roster_client.models.user import User
from roster_client.types import Response

PASSWORD = "Correct-horse-42"
BIG = 123456789012345678901234567890
PICTURE = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGM4EcAFAAMGASOVSwPNAAAAAElFTkSuQmCC")

Expected = TypeVar("Expected")


def expect(kind: type[Expected], response: Response[Any]) -> Expected:
    """Return the parsed body if it is one of these, such as ``User`` or ``NotFoundProblem``. Otherwise, exit."""
    if not isinstance(response.parsed, kind):
        sys.exit(f"Expected {kind.__name__}, but the response is {response.status_code}: {response.content!r}")
    return response.parsed


def say(text: str) -> None:
    """Print what has been seen."""
    print(text, flush=True)


def main(address: str, email: str) -> None:
    """Walk the tour."""
    with Client(base_url=address) as anyone:
        tokens, refresh_token = sign_up(anyone, email)
        with AuthenticatedClient(base_url=address, token=tokens.id_token) as jane:
            edit_record(jane)
            keep_profile(jane)
            show_picture(jane)
        with AuthenticatedClient(base_url=address, token=tokens.access_token) as owner:
            leave(owner)
        gone = post_refresh.sync_detailed(client=anyone, body=refresh_token)
        if gone.status_code != HTTPStatus.UNAUTHORIZED:
            sys.exit(f"The account is deleted, but its refresh token works: {gone.status_code}")
    say("Account deleted")


def sign_up(anyone: Client, email: str) -> tuple[Tokens, RefreshToken]:
    """Sign up with the mailed code, refresh, and return the new tokens."""
    account = NewAccount(email=email, password=PASSWORD, name="Jane Doe")
    say(expect(Mailed, post_account.sync_detailed(client=anyone, body=account)).message)
    say("What is the code?")
    confirmation = Confirmation(email=email, code=input(), password=PASSWORD)
    tokens = expect(Tokens, post_confirmation.sync_detailed(client=anyone, body=confirmation))
    assert isinstance(tokens.refresh_token, str)
    refresh_token = RefreshToken(refresh_token=tokens.refresh_token)
    tokens = expect(Tokens, post_refresh.sync_detailed(client=anyone, body=refresh_token))
    if isinstance(tokens.refresh_token, str):  # a new one, where they rotate
        refresh_token = RefreshToken(refresh_token=tokens.refresh_token)
    say("Signed up, signed in, refreshed")
    return tokens, refresh_token


def edit_record(jane: AuthenticatedClient) -> None:
    """Write and read the user's record: whole, in part, on a condition, and wrongly."""
    sub = expect(Greeting, get_greeting.sync_detailed(client=jane)).sub
    whole = Document.from_dict({"name": "Jane", "height": 1.75})
    first = put_user.sync_detailed(sub, client=jane, body=whole)
    expect(User, first)
    tag = first.headers["ETag"]
    if get_user.sync_detailed(sub, client=jane, if_none_match=tag).status_code != HTTPStatus.NOT_MODIFIED:
        sys.exit("The record was sent again, although it has not changed")
    patched = patch_user.sync_detailed(sub, client=jane, body=Document.from_dict({"big": BIG}), if_match=tag)
    user = expect(User, patched).to_dict()
    if user["big"] != BIG or user["height"] != 1.75:
        sys.exit(f"A number has changed: {user}")
    late = put_user.sync_detailed(sub, client=jane, body=whole, if_match=tag)
    say(f"A late write: {expect(PreconditionFailedProblem, late).title}")
    wrong = put_user.sync_detailed(sub, client=jane, body=Document.from_dict({"": 1}))
    errors = expect(InvalidRequestProblem, wrong).errors
    say(f"A wrong one: {errors[0].detail if errors else ''}")


def keep_profile(jane: AuthenticatedClient) -> None:
    """Store a profile, and ask for what only administrators get."""
    stored = expect(Profile, post_profile.sync_detailed(client=jane, body=Document.from_dict({"theme": "dark"})))
    say(f"Profile: {stored.profile_data.to_dict()}")
    problem = expect(ForbiddenProblem, list_users.sync_detailed(client=jane))
    say(f"{problem.status} {problem.type_}: {problem.detail}")


def show_picture(jane: AuthenticatedClient) -> None:
    """Upload a picture, publish it, and find it where everybody does."""
    announced = NewMediaItem(NewMediaItemContentType.IMAGEPNG, len(PICTURE), title="The harbour at dawn")
    awaited = expect(AwaitedMediaItem, post_media.sync_detailed(client=jane, body=announced))
    assert isinstance(awaited.upload, AwaitedMediaItemUpload)
    form = awaited.upload.fields.to_dict()
    httpx.post(awaited.upload.url, data=form, files={"file": PICTURE}).raise_for_status()
    mediaid = str(awaited.mediaid)
    deadline = time.monotonic() + 60
    while expect(MediaItem, get_media_item.sync_detailed(mediaid, client=jane)).status is not MediaItemStatus.READY:
        if time.monotonic() > deadline:
            sys.exit("The picture was not ready within a minute")
        time.sleep(0.2)
    public = MediaItemPatch(visibility=MediaItemPatchVisibility.PUBLIC)
    expect(MediaItem, patch_media_item.sync_detailed(mediaid, client=jane, body=public))
    shown = list_public_media.sync(client=jane, limit=100)
    if not isinstance(shown, list):
        sys.exit(f"No list of public pictures: {shown}")
    titles = [item.title for item in shown if str(item.mediaid) == mediaid]
    if not titles:
        sys.exit("The picture is not in public")
    say(f"In public: {titles[0]}")


def leave(owner: AuthenticatedClient) -> None:
    """Delete the account. As long as something is left, the response is a 202."""
    while (left := post_own_deletion.sync_detailed(client=owner, body=Password(PASSWORD))).status_code == 202:
        time.sleep(1)
    if left.status_code != HTTPStatus.NO_CONTENT:
        sys.exit(f"The account is not deleted: {left.status_code}: {left.content!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
