"""Handles the requests that sign people up, in and out.

Bodies are checked before Cognito is called, and so is the password policy: these responses do not depend on who has an
account, and are sent at once. Others that are alike for every address are sent at even times.
"""

from http import HTTPStatus

from chalice.app import Response

from chalicelib.accounts.bodies import Body
from chalicelib.accounts.cookies import RefreshCookie, wants_cookie
from chalicelib.accounts.errors import PROBLEMS, InvalidCredentials, SignUpClosed
from chalicelib.accounts.even_time import EvenTime
from chalicelib.accounts.public import sign_up
from chalicelib.accounts.public.sign_in import Session, SignIn
from chalicelib.accounts.settings import AccountSettings
from chalicelib.json.strict_json import JsonObject
from chalicelib.records import Records
from chalicelib.storage.cognito.service import Cognito
from chalicelib.storage.cognito.user_pool import CHALLENGES, Tokens, UserPool
from chalicelib.storage.connections import one_patience
from chalicelib.web import problems, responses
from chalicelib.web.request import Request

MAX_COOKIES = 3
"""Cookies that a sign-out revokes. There is one, unless other hosts of the domain set cookies of its name."""
MAILED: JsonObject = {"message": "If there is something to do for this address, a code has been mailed to it."}


class Handlers:
    """The handlers, by the names of the routes. ``records`` stores the record of each person who signs up."""

    def __init__(self, settings: AccountSettings, cognito: Cognito, records: Records) -> None:
        self._is_open = settings.is_open
        self._policy = settings.password_policy
        self._even_time = EvenTime(settings.step)
        self._cookie = RefreshCookie(settings.refresh_seconds)
        self._pool = UserPool(cognito, settings.client_ids, rotates=settings.rotates)
        self._sign_in = SignIn(self._pool, records, settings.password_policy, settings.product)

    # Signing up

    def post_account(self, request: Request) -> Response:
        """Create an account, or mail a new code to an unconfirmed address."""
        if not self._is_open:
            raise SignUpClosed
        body = Body.of(request)
        email, password, names = body.email(), body.password(), body.names("name")
        body.require_no_faults()
        self._policy.require(password)
        with self._even_time.always(), one_patience():
            sign_up.sign_up(self._pool, email, password, names)
        return _mailed()

    def post_confirmation(self, request: Request) -> Response:
        """Confirm an address, and sign in."""
        body = Body.of(request)
        email, code, password, in_cookie = body.email(), body.code(), body.password(), wants_cookie(body, request)
        body.require_no_faults()
        with self._even_time.failures(), one_patience():
            confirmed = sign_up.confirm(self._pool, email, code, password)
            outcome = self._sign_in.proceed(confirmed, email, is_first=True)
        return self._signed_in(outcome, request, in_cookie=in_cookie)

    def post_confirmation_code(self, request: Request) -> Response:
        """Mail a new code to an unconfirmed address."""
        email = _address(request)
        with self._even_time.always(), one_patience():
            sign_up.mail_confirmation_code(self._pool, email)
        return _mailed()

    def post_password_reset(self, request: Request) -> Response:
        """Mail a code that sets a new password."""
        email = _address(request)
        with self._even_time.always(), one_patience():
            sign_up.mail_reset_code(self._pool, email)
        return _mailed()

    def put_password_reset(self, request: Request) -> Response:
        """Set a new password, and end all sessions."""
        body = Body.of(request)
        email, code, password = body.email(), body.code(), body.password()
        body.require_no_faults()
        self._policy.require(password)
        with self._even_time.failures(), one_patience():
            sign_up.reset_password(self._pool, self._policy, email, code, password)
        return responses.no_content()

    # Sessions

    def post_session(self, request: Request) -> Response:
        """Sign in."""
        body = Body.of(request)
        email, password, in_cookie = body.email(), body.password(), wants_cookie(body, request)
        body.require_no_faults()
        with self._even_time.failures(), one_patience():
            outcome = self._sign_in.with_password(email, password)
        return self._signed_in(outcome, request, in_cookie=in_cookie)

    def post_challenge(self, request: Request) -> Response:
        """Answer a challenge."""
        body = Body.of(request)
        session, challenge = body.token("session"), body.choice("challenge", tuple(CHALLENGES.values()))
        in_cookie = wants_cookie(body, request)
        is_new = challenge == "NEW_PASSWORD"
        answer, names = (body.password(), body.names()) if is_new else (body.code(), {})
        body.require_no_faults()
        with self._even_time.failures(), one_patience():
            outcome = self._sign_in.with_answer(Session.parse(session), challenge, answer, names)
        return self._signed_in(outcome, request, in_cookie=in_cookie)

    def post_refresh(self, request: Request) -> Response:
        """Return new tokens. If that fails, the cookie is cleared."""
        token = _refresh_token(request)
        try:
            sent = token or self._cookie.read(request)
            with one_patience():
                outcome = self._sign_in.refreshed(sent)
        except InvalidCredentials as error:
            return self._cookie.clear(problems.of_error(error, request.request_id, PROBLEMS), request)
        return self._signed_in(outcome, request, in_cookie=token is None)

    def post_revocation(self, request: Request) -> Response:
        """Revoke a refresh token, or all that are in cookies, and clear the cookie."""
        token = _refresh_token(request)
        with one_patience():
            for each in self._cookie.read_all(request)[:MAX_COOKIES] if token is None else [token]:
                self._sign_in.revoke(each)
        return self._cookie.clear(responses.no_content(), request)

    def _signed_in(self, outcome: Tokens | JsonObject, request: Request, *, in_cookie: bool) -> Response:
        """Return tokens (RFC 6749, section 5.1), or a challenge (202)."""
        if not isinstance(outcome, Tokens):
            return responses.document(outcome, responses.UNCACHED, HTTPStatus.ACCEPTED)
        tokens: JsonObject = {"access_token": outcome.access, "id_token": outcome.id}
        if outcome.refresh is not None and not in_cookie:
            tokens["refresh_token"] = outcome.refresh
        tokens |= {"token_type": "Bearer", "expires_in": outcome.expires_in}
        response = responses.document(tokens, responses.UNCACHED)
        if outcome.refresh is not None and in_cookie:
            return self._cookie.keep(response, outcome.refresh, request)
        return response


def _mailed() -> Response:
    return responses.document(MAILED, responses.UNCACHED, HTTPStatus.ACCEPTED)


def _address(request: Request) -> str:
    """Return the address in a body that has nothing else."""
    body = Body.of(request)
    email = body.email()
    body.require_no_faults()
    return email


def _refresh_token(request: Request) -> str | None:
    """Return the refresh token in the body, if there is one."""
    body = Body.of(request)
    token = body.optional_token("refresh_token")
    body.require_no_faults()
    return token
