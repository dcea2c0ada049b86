"""The minimum of a sign-in and of a refresh: a botocore client and one call of Cognito."""

import json
import os

from botocore.session import Session

client = Session().create_client("cognito-idp", region_name=os.environ["AWS_REGION"])


def handler(event, context):
    body = json.loads(event["body"])
    if "refresh_token" in body:
        flow, parameters = "REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": body["refresh_token"]}
    else:
        flow, parameters = "USER_PASSWORD_AUTH", {"USERNAME": body["email"], "PASSWORD": body["password"]}
    answer = client.initiate_auth(ClientId=os.environ["SIGN_IN_CLIENT_ID"], AuthFlow=flow, AuthParameters=parameters)
    return {"statusCode": 200, "body": json.dumps(answer["AuthenticationResult"])}
