"""Roster: a user directory and profile API. This file is its table of contents; ``chalicelib`` does the work."""

import os
from http import HTTPStatus

from chalice.app import AuthRequest, AuthResponse, CognitoUserPoolAuthorizer, Response

from chalicelib import records, users
from chalicelib.errors import NotFound
from chalicelib.greeting import greeting
from chalicelib.health import Health
from chalicelib.repository import ProfileRepository, UserRepository
from chalicelib.security.access import ADMINS, ANYONE, SIGNED_IN, THEMSELVES_OR_ADMINS, Caller
from chalicelib.security.signing_keys import SigningKeys
from chalicelib.security.tokens import Verifier
from chalicelib.settings import Settings
from chalicelib.storage.dynamodb import DynamoDB
from chalicelib.web import responses
from chalicelib.web.api import Api

settings = Settings.from_environ(os.environ)
app = Api("roster", settings)

signing_keys = SigningKeys(settings.jwks_url)
verifier = Verifier(settings.issuer, settings.client_ids, signing_keys)
database = DynamoDB(settings.region)
user_repository = UserRepository(database, settings.users_table)
profile_repository = ProfileRepository(database, settings.profiles_table)
health = Health(
    settings.region,
    {
        "users_table": user_repository.ping,
        "profiles_table": profile_repository.ping,
        "signing_keys": signing_keys.ping,
    },
)

if settings.chalice_cli:
    from chalicelib.local import gateway

    gateway.enforce(verifier, app.cors_headers)


# Who is there


@app.authorizer(ttl_seconds=300)
def jwt_authorizer(request: AuthRequest) -> AuthResponse:
    """Guards the users: takes an ID or access token of our pool, answers with all that its bearer may reach."""
    claims = verifier.verify(request.token)
    return app.policy(jwt_authorizer, Caller(claims.sub, is_admin=settings.admin_group in claims.groups))


cognito_authorizer = CognitoUserPoolAuthorizer("cognito_authorizer", provider_arns=[settings.user_pool_arn])


# Open to all


@app.route("/open", methods=["GET"], allow=ANYONE)
def get_open() -> Response:
    """Shows that a public route works."""
    return responses.document({"message": "This route is open to everybody."})


@app.route("/openapi.json", methods=["GET"], allow=ANYONE)
def get_description() -> Response:
    """The OpenAPI 3.1 description of all of this."""
    return responses.description()


@app.route("/health", methods=["GET"], allow=ANYONE)
def get_health() -> Response:
    """Alive; touches nothing else."""
    return responses.document(health.alive(), responses.UNCACHED)


@app.route("/health/ready", methods=["GET"], allow=ANYONE)
def get_readiness() -> Response:
    """Alive, and able to reach the tables and the signing keys."""
    ready, report = health.ready()
    return responses.document(report, responses.UNCACHED, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


# The signed-in user


@app.route("/", methods=["GET"], authorizer=cognito_authorizer, allow=SIGNED_IN)
def get_greeting() -> Response:
    """Greets the caller by name."""
    return responses.document(greeting(app.claims), responses.PRIVATE)


@app.route("/user/profile", methods=["GET"], authorizer=cognito_authorizer, allow=SIGNED_IN)
def get_profile() -> Response:
    """The caller's own profile."""
    profile = profile_repository.get(app.caller_sub)
    if profile is None:
        raise NotFound("You have no profile yet: POST one.")
    return responses.profile(profile)


@app.route("/user/profile", methods=["POST"], authorizer=cognito_authorizer, allow=SIGNED_IN)
def post_profile() -> Response:
    """Stores the caller's profile whole."""
    profile = records.stamp(app.caller_sub, app.document())
    profile_repository.put(profile, app.precondition())
    return responses.profile(profile)


@app.route("/user/profile", methods=["PATCH"], authorizer=cognito_authorizer, allow=SIGNED_IN)
def patch_profile() -> Response:
    """Merges a patch into the caller's profile."""
    change, precondition = app.document(), app.precondition()
    return responses.profile(
        profile_repository.update(app.caller_sub, lambda stored: records.patch(stored, change), precondition)
    )


@app.route("/user/profile", methods=["DELETE"], authorizer=cognito_authorizer, allow=SIGNED_IN)
def delete_profile() -> Response:
    """Removes the caller's profile."""
    profile_repository.delete(app.caller_sub, app.precondition())
    return responses.deleted()


# Users


@app.route("/users", methods=["GET"], authorizer=jwt_authorizer, allow=ADMINS)
def list_users() -> Response:
    """A page of users."""
    limit = app.limit()
    page = user_repository.page(limit, app.after())
    return responses.user_page(page, lambda last: app.page_after(limit, last))


@app.route("/users", methods=["POST"], authorizer=jwt_authorizer, allow=ADMINS)
def post_user() -> Response:
    """Stores a user, under a new ``userid`` if the body has none."""
    document, key, precondition = app.document(users.SET_BY_SERVICE), app.idempotency_key(), app.precondition()
    if key is None:
        user = users.new(document)
        user_repository.put(user, precondition)
    else:
        user, origin = users.new_once(document, app.caller_sub, key)
        user = user_repository.create(user, origin, precondition)
    return responses.user(user, location=app.address(user.userid))


@app.route("/users/{userid}", methods=["GET"], authorizer=jwt_authorizer, allow=THEMSELVES_OR_ADMINS)
def get_user(userid: str) -> Response:
    """The user; ``{}`` if there is none."""
    return responses.user(user_repository.get(records.checked(userid)))


@app.route("/users/{userid}", methods=["PUT"], authorizer=jwt_authorizer, allow=THEMSELVES_OR_ADMINS)
def put_user(userid: str) -> Response:
    """Stores the user whole; the path's ``userid`` wins over the body's."""
    user = users.stored_as(userid, app.document(users.SET_BY_SERVICE))
    user_repository.put(user, app.precondition())
    return responses.user(user)


@app.route("/users/{userid}", methods=["PATCH"], authorizer=jwt_authorizer, allow=THEMSELVES_OR_ADMINS)
def patch_user(userid: str) -> Response:
    """Merges a patch (RFC 7396) into the user."""
    change, precondition = app.document(users.SET_BY_SERVICE), app.precondition()
    return responses.user(
        user_repository.update(records.checked(userid), lambda user: users.patch(user, change), precondition)
    )


@app.route("/users/{userid}", methods=["DELETE"], authorizer=jwt_authorizer, allow=THEMSELVES_OR_ADMINS)
def delete_user(userid: str) -> Response:
    """Removes the user."""
    user_repository.delete(records.checked(userid), app.precondition())
    return responses.deleted()
