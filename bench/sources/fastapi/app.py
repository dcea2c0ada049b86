"""The same four user routes in FastAPI, with Mangum as the adapter for Lambda."""

import os
from datetime import datetime, timezone
from decimal import Decimal

import boto3
from fastapi import Body, FastAPI
from mangum import Mangum

app = FastAPI()
table = boto3.resource("dynamodb").Table(os.environ["USERS_TABLE"])


@app.get("/users")
def list_users(limit: int = 50) -> list[dict]:
    return table.scan(Limit=limit)["Items"]


@app.get("/users/{userid}")
def get_user(userid: str) -> dict:
    return table.get_item(Key={"userid": userid}).get("Item", {})


@app.put("/users/{userid}")
def put_user(userid: str, user: dict = Body()) -> dict:
    user = {name: Decimal(str(value)) if isinstance(value, float) else value for name, value in user.items()}
    user |= {"userid": userid, "timestamp": datetime.now(timezone.utc).isoformat()}
    table.put_item(Item=user)
    return user


@app.delete("/users/{userid}")
def delete_user(userid: str) -> dict:
    table.delete_item(Key={"userid": userid})
    return {}


handler = Mangum(app, lifespan="off")
