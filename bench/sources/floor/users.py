"""The minimum of any API on DynamoDB: a boto3 client and one call."""

import json
import os

import boto3

client = boto3.client("dynamodb")


def handler(event, context):
    item = client.get_item(
        TableName=os.environ["USERS_TABLE"], Key={"userid": {"S": event["pathParameters"]["userid"]}}
    )
    return {"statusCode": 200, "body": json.dumps(item.get("Item", {}))}
