"""The users function as in a tutorial: a boto3 resource created at import, and a scan without pages."""

import json
import os
import uuid
from datetime import datetime

import boto3

table = boto3.resource("dynamodb").Table(os.environ["USERS_TABLE"])


def handler(event, context):
    route = f"{event['httpMethod']} {event['resource']}"
    status, body = 200, {}
    if route == "GET /users":
        body = table.scan(Select="ALL_ATTRIBUTES")["Items"]
    elif route == "GET /users/{userid}":
        body = table.get_item(Key={"userid": event["pathParameters"]["userid"]}).get("Item", {})
    elif route == "PUT /users/{userid}":
        body = json.loads(event["body"])
        body |= {"userid": event["pathParameters"]["userid"], "timestamp": datetime.now().isoformat()}
        table.put_item(Item=body)
    elif route == "POST /users":
        body = {"userid": str(uuid.uuid1()), **json.loads(event["body"]), "timestamp": datetime.now().isoformat()}
        table.put_item(Item=body)
    elif route == "DELETE /users/{userid}":
        table.delete_item(Key={"userid": event["pathParameters"]["userid"]})
    else:
        status, body = 400, {"message": "Unsupported route"}
    headers = {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
