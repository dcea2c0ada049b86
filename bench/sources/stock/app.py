"""The same user routes and authorizer in plain Chalice: one file, with all imports at the top."""

import json
import os
import urllib.request
import uuid
from datetime import datetime, timezone
from decimal import Decimal

import boto3
import boto3.dynamodb.types
from chalice import AuthResponse, Chalice, CognitoUserPoolAuthorizer, Response
from jose import jwt

app = Chalice(app_name="stock")
dynamodb = boto3.client("dynamodb")
serializer, deserializer = boto3.dynamodb.types.TypeSerializer(), boto3.dynamodb.types.TypeDeserializer()
USERS_TABLE = os.environ["USERS_TABLE"]
cognito_authorizer = CognitoUserPoolAuthorizer("cognito", provider_arns=[os.environ["USER_POOL_ARN"]])
keys = None


@app.authorizer(ttl_seconds=300)
def jwt_authorizer(request):
    global keys
    if keys is None:
        with urllib.request.urlopen(os.environ["JWKS_URL"]) as answer:
            keys = json.load(answer)["keys"]
    token = request.token.removeprefix("Bearer ")
    kid = jwt.get_unverified_header(token)["kid"]
    (key,) = [key for key in keys if key["kid"] == kid]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=os.environ["APPLICATION_CLIENT_ID"])
    is_admin = "apiAdmins" in claims.get("cognito:groups", [])
    return AuthResponse(routes=["*"] if is_admin else [f"/users/{claims['sub']}"], principal_id=claims["sub"])


def from_item(item):
    return {name: deserializer.deserialize(value) for name, value in item.items()}


def to_item(document):
    return {name: serializer.serialize(value) for name, value in document.items()}


def answer(body):
    return Response(json.dumps(body, default=float), headers={"Content-Type": "application/json"})


@app.route("/users", methods=["GET"], authorizer=jwt_authorizer)
def list_users():
    return answer([from_item(item) for item in dynamodb.scan(TableName=USERS_TABLE, Limit=50)["Items"]])


@app.route("/users/{userid}", methods=["GET"], authorizer=jwt_authorizer)
def get_user(userid):
    found = dynamodb.get_item(TableName=USERS_TABLE, Key={"userid": {"S": userid}})
    return answer(from_item(found.get("Item", {})))


@app.route("/users/{userid}", methods=["PUT"], authorizer=jwt_authorizer)
def put_user(userid):
    user = json.loads(app.current_request.raw_body, parse_float=Decimal)
    user |= {"userid": userid, "timestamp": datetime.now(timezone.utc).isoformat()}
    dynamodb.put_item(TableName=USERS_TABLE, Item=to_item(user))
    return answer(user)


@app.route("/users", methods=["POST"], authorizer=jwt_authorizer)
def post_user():
    user = json.loads(app.current_request.raw_body, parse_float=Decimal)
    user = {"userid": str(uuid.uuid4()), **user, "timestamp": datetime.now(timezone.utc).isoformat()}
    dynamodb.put_item(TableName=USERS_TABLE, Item=to_item(user))
    return answer(user)


@app.route("/users/{userid}", methods=["DELETE"], authorizer=jwt_authorizer)
def delete_user(userid):
    dynamodb.delete_item(TableName=USERS_TABLE, Key={"userid": {"S": userid}})
    return answer({})
