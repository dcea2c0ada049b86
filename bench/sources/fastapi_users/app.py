"""Signing in and one's own account in FastAPI with fastapi-users, Mangum as the adapter for Lambda, and DynamoDB.

The library has other paths and a form at the sign-in. The handler translates Roster's events.
"""

import json
import os
import uuid
from dataclasses import dataclass
from urllib.parse import urlencode

import boto3
from fastapi import FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.db import BaseUserDatabase
from fastapi_users.jwt import generate_jwt
from fastapi_users.schemas import BaseUser, BaseUserUpdate
from mangum import Mangum

SECRET = "a secret of more than 32 characters"
# Of the password in the event, with the library's default (Argon2).
HASH = "$argon2id$v=19$m=65536,t=3,p=4$0hfC6vuWs4syQkovVQemwA$nT2d5KGJowRkN9Tfz6KhQdkd3qIC7jQ6MgCAuavD7f0"
table = boto3.resource("dynamodb").Table(os.environ["USERS_TABLE"])


@dataclass
class User:
    id: uuid.UUID
    email: str
    hashed_password: str = HASH
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = True


class Users(BaseUserDatabase):
    async def get(self, id):
        return User(id, table.get_item(Key={"userid": str(id)})["Item"]["name"].replace(" ", ".") + "@example.com")

    async def get_by_email(self, email):
        table.get_item(Key={"userid": email})
        return User(uuid.uuid4(), email)


class Manager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    pass


def strategy():
    return JWTStrategy(secret=SECRET, lifetime_seconds=900)


async def manager():
    yield Manager(Users())


backend = AuthenticationBackend("jwt", BearerTransport(tokenUrl="sessions"), get_strategy=strategy)
users = FastAPIUsers(manager, [backend])
app = FastAPI()
app.include_router(users.get_auth_router(backend))
app.include_router(users.get_users_router(BaseUser[uuid.UUID], BaseUserUpdate), prefix="/users")
serve = Mangum(app, lifespan="off")
token = None


def handler(event, context):
    if event["path"] == "/sessions":
        entered = json.loads(event["body"])
        body = urlencode({"username": entered["email"], "password": entered["password"]})
        return serve(sent(event, "/login", "Content-Type", "application/x-www-form-urlencoded", body), context)
    global token
    if token is None:
        token = generate_jwt({"sub": str(uuid.uuid4()), "aud": ["fastapi-users:auth"]}, SECRET, 900)
    return serve(sent(event, "/users/me", "Authorization", f"Bearer {token}", None), context)


def sent(event, path, name, value, body):
    headers = {**event["headers"], name: value}
    return {
        **event,
        "path": path,
        "headers": headers,
        "multiValueHeaders": {key: [each] for key, each in headers.items()},
        "requestContext": {**event["requestContext"], "path": path},
        "body": body,
    }
