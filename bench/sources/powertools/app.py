"""The same four user routes, with the event handler of Powertools for AWS Lambda."""

import os
from datetime import datetime, timezone

import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver

app = APIGatewayRestResolver()
table = boto3.resource("dynamodb").Table(os.environ["USERS_TABLE"])


@app.get("/users")
def list_users():
    return table.scan(Limit=50)["Items"]


@app.get("/users/<userid>")
def get_user(userid):
    return table.get_item(Key={"userid": userid}).get("Item", {})


@app.put("/users/<userid>")
def put_user(userid):
    user = app.current_event.json_body
    user |= {"userid": userid, "timestamp": datetime.now(timezone.utc).isoformat()}
    table.put_item(Item=user)
    return user


@app.delete("/users/<userid>")
def delete_user(userid):
    table.delete_item(Key={"userid": userid})
    return {}


def handler(event, context):
    return app.resolve(event, context)
