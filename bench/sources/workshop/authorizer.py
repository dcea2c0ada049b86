"""The JWT authorizer as in a tutorial: it fetches the keys with urllib at import, and verifies the token twice."""

import json
import os
import time
import urllib.request

from jose import jwk, jwt
from jose.utils import base64url_decode

with urllib.request.urlopen(os.environ["JWKS_URL"]) as answer:
    keys = json.loads(answer.read().decode("utf-8"))["keys"]


def handler(event, context):
    token = event["authorizationToken"].removeprefix("Bearer ")
    claims = verified(token)
    region, account, rest = event["methodArn"].split(":", 5)[3:]
    api, stage = rest.split("/")[:2]
    path = "*" if "apiAdmins" in claims.get("cognito:groups", [])[:1] else f"users/{claims['sub']}"
    resource = f"arn:aws:execute-api:{region}:{account}:{api}/{stage}/*/{path}"
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": [resource]}
    return {"principalId": claims["sub"], "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def verified(token):
    kid = jwt.get_unverified_headers(token)["kid"]
    (found,) = [key for key in keys if key["kid"] == kid]
    message, signature = str(token).rsplit(".", 1)
    if not jwk.construct(found).verify(message.encode(), base64url_decode(signature.encode())):
        raise Exception("Unauthorized")
    claims = jwt.get_unverified_claims(token)
    if time.time() > claims["exp"] or claims.get("aud") != os.environ["APPLICATION_CLIENT_ID"]:
        raise Exception("Unauthorized")
    return jwt.decode(token, found, algorithms=["RS256"], audience=os.environ["APPLICATION_CLIENT_ID"])
