"""Roster: a user directory and profile API. This file is its table of contents; ``chalicelib/`` does the work."""

import os
from http import HTTPStatus

from chalice.app import AuthRequest, AuthResponse, CloudWatchEvent, CognitoUserPoolAuthorizer, Rate, Response

from chalicelib import personal_data, profiles, records, users
from chalicelib.accounts.routes import blueprint as accounts
from chalicelib.console.routes import blueprint as console
from chalicelib.errors import KeyReused, NotFound
from chalicelib.greeting import greeting
from chalicelib.health import Health
from chalicelib.housekeeping import Housekeeping
from chalicelib.media.routes import blueprint as media
from chalicelib.personal_data import PersonalData
from chalicelib.repository import ProfileRepository, UserRepository
from chalicelib.security.access import ADMINS, ANYONE, SIGNED_IN, THEMSELVES_OR_ADMINS, Caller
from chalicelib.security.signing_keys import SigningKeys
from chalicelib.security.tokens import Verifier
from chalicelib.settings import Settings
from chalicelib.storage.dynamodb import DynamoDB
from chalicelib.web import responses
from chalicelib.web.api import Api
from chalicelib.web.request import MAX_LIMIT

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
    from chalicelib.local import gateway, runtime

    runtime.require()
    gateway.enforce(verifier, app.cors_headers)


# Who calls


@app.authorizer(ttl_seconds=300)
def jwt_authorizer(request: AuthRequest) -> AuthResponse:
    """Accepts ID and access tokens from our user pool. Returns a policy with all that the caller may do."""
    claims = verifier.verify(request.token)
    is_admin = settings.admin_group in claims.groups
    return app.policy(jwt_authorizer, Caller(claims.sub, is_admin, claims.all["token_use"]))


cognito_authorizer = CognitoUserPoolAuthorizer("cognito_authorizer", provider_arns=[settings.user_pool_arn])


# Open to everybody


@app.route("/open", methods=["GET"], allow=ANYONE, returns="Message")
def get_open() -> Response:
    """Show that a public route works."""
    return responses.document({"message": "This route is open to everybody."})


@app.route("/openapi.json", methods=["GET"], allow=ANYONE, returns="Description")
def get_description() -> Response:
    """Return this description (OpenAPI 3.1)."""
    return responses.description()


@app.route("/health", methods=["GET"], allow=ANYONE, returns="Health")
def get_health() -> Response:
    """Check that the API is alive. Nothing else is contacted."""
    return responses.document(health.alive(), responses.UNCACHED)


@app.route("/health/ready", methods=["GET"], allow=ANYONE, returns="Readiness")
def get_readiness() -> Response:
    """Check that the API is alive and can reach the tables and the signing keys."""
    ready, report = health.ready()
    return responses.document(report, responses.UNCACHED, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


# The signed-in user


@app.route("/", methods=["GET"], authorizer=cognito_authorizer, allow=SIGNED_IN, returns="Greeting")
def get_greeting() -> Response:
    """Greet the caller by name."""
    return responses.document(greeting(app.request.claims), responses.PRIVATE)


@app.route(
    "/user/profile",
    methods=["GET"],
    authorizer=cognito_authorizer,
    allow=SIGNED_IN,
    returns="Profile",
    errors=[NotFound],
)
def get_profile() -> Response:
    """Return the caller's own profile."""
    profile = profile_repository.get(app.request.caller_sub)
    if profile is None:
        raise NotFound("You have no profile yet. Create one with POST.")
    return responses.record(profile, profiles.to_json)


@app.route("/user/profile", methods=["POST"], authorizer=cognito_authorizer, allow=SIGNED_IN, returns="Profile")
def post_profile() -> Response:
    """Store the caller's whole profile."""
    request = app.request
    profile = records.stamp(request.caller_sub, request.document())
    profile_repository.put(profile, request.precondition())
    return responses.record(profile, profiles.to_json)


@app.route("/user/profile", methods=["PATCH"], authorizer=cognito_authorizer, allow=SIGNED_IN, returns="Profile")
def patch_profile() -> Response:
    """Merge a patch (RFC 7396) into the caller's profile."""
    request = app.request
    change, precondition = request.document(), request.precondition()
    profile = profile_repository.update(request.caller_sub, lambda stored: records.patch(stored, change), precondition)
    return responses.record(profile, profiles.to_json)


@app.route("/user/profile", methods=["DELETE"], authorizer=cognito_authorizer, allow=SIGNED_IN)
def delete_profile() -> Response:
    """Delete the caller's profile."""
    profile_repository.delete(app.request.caller_sub, app.request.precondition())
    return responses.deleted()


# Users


@app.route("/users", methods=["GET"], authorizer=jwt_authorizer, allow=ADMINS, returns="Users", paged=MAX_LIMIT)
def list_users() -> Response:
    """Return a page of users."""
    request = app.request
    limit = request.limit()
    page = user_repository.page(limit, request.after())
    return responses.page(page, users.to_json, lambda last: request.page_after(limit, last))


@app.route(
    "/users",
    methods=["POST"],
    authorizer=jwt_authorizer,
    allow=ADMINS,
    returns="User",
    errors=[KeyReused],
    locates=True,
)
def post_user() -> Response:
    """Store a user, under a new ``userid`` if the body has none."""
    request = app.request
    document, key = request.document(users.SET_BY_SERVICE), request.idempotency_key()
    precondition = request.precondition()
    if key is None:
        user = users.new(document)
        user_repository.put(user, precondition)
    else:
        user, origin = users.new_once(document, request.caller_sub, key)
        user = user_repository.create(user, origin, precondition)
    return responses.record(user, users.to_json, location=request.address(user.userid))


@app.route(
    "/users/{userid}", methods=["GET"], authorizer=jwt_authorizer, allow=THEMSELVES_OR_ADMINS, returns="UserOrNothing"
)
def get_user(userid: str) -> Response:
    """Return a user, or an empty object if there is none."""
    return responses.record(user_repository.get(records.checked(userid)), users.to_json)


@app.route("/users/{userid}", methods=["PUT"], authorizer=jwt_authorizer, allow=THEMSELVES_OR_ADMINS, returns="User")
def put_user(userid: str) -> Response:
    """Store a whole user. The ``userid`` in the path takes precedence over the one in the body."""
    user = users.stored_as(userid, app.request.document(users.SET_BY_SERVICE))
    user_repository.put(user, app.request.precondition())
    return responses.record(user, users.to_json)


@app.route("/users/{userid}", methods=["PATCH"], authorizer=jwt_authorizer, allow=THEMSELVES_OR_ADMINS, returns="User")
def patch_user(userid: str) -> Response:
    """Merge a patch (RFC 7396) into a user."""
    change, precondition = app.request.document(users.SET_BY_SERVICE), app.request.precondition()
    user = user_repository.update(records.checked(userid), lambda stored: users.patch(stored, change), precondition)
    return responses.record(user, users.to_json)


@app.route("/users/{userid}", methods=["DELETE"], authorizer=jwt_authorizer, allow=THEMSELVES_OR_ADMINS)
def delete_user(userid: str) -> Response:
    """Delete a user."""
    user_repository.delete(records.checked(userid), app.request.precondition())
    return responses.deleted()


# Housekeeping

chores = Housekeeping()


@app.schedule(Rate(1, unit=Rate.HOURS))
def housekeeping(_: CloudWatchEvent) -> None:
    """Clean up, hourly: see ``chalicelib/housekeeping.py``."""
    chores.run()


# Capabilities

stored = PersonalData(
    personal_data.of_records("record", user_repository, users.to_json),
    personal_data.of_records("profile", profile_repository, profiles.to_json),
)
app.register_blueprint(accounts(jwt_authorizer, database, user_repository, stored, chores, os.environ))
app.register_blueprint(media(jwt_authorizer, verifier, database, stored, chores, os.environ))
app.register_blueprint(console(os.environ))
