"""The minimum of the images function: fetch the upload, make two pictures in bare Pillow, and store all three."""

import io
import json
import os

from botocore.session import Session
from PIL import Image, ImageOps

client = Session().create_client("s3", region_name=os.environ["AWS_REGION"])


def handler(event, context):
    for message in event["Records"]:
        for record in json.loads(message["body"])["Records"]:
            handle(record["s3"]["bucket"]["name"], record["s3"]["object"]["key"])
    return {"batchItemFailures": []}


def handle(bucket, key):
    content = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    client.put_object(Bucket=bucket, Key=f"original/{key}", Body=content)
    for size in (2048, 256):
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
        image.thumbnail((size, size))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=85)
        client.put_object(Bucket=bucket, Key=f"{size}/{key}", Body=file.getvalue())
    client.delete_object(Bucket=bucket, Key=key)
