"""The API stack: the functions, API Gateway, logs, alarms and the dashboard."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from infra.cloudformation import Account, Outputs, Stack, Template
from infra.package import Package
from infra.stages import Stage

KEPT = timedelta(days=90)
"""How long the packages and templates of earlier deploys are kept."""


def stack(account: Account, stage: Stage) -> Stack:
    """Return the stage's API stack, whether or not it is deployed."""
    return account.stack(f"roster-api-{stage.name}")


def deploy(account: Account, stage: Stage, package: Package, backend: Outputs) -> Outputs:
    """Upload ``package``, create or update the stage's API stack, and return its outputs."""
    s3, bucket = account.client("s3"), backend["ArtifactsBucket"]
    for key, content in package.uploads.items():
        _upload(s3, bucket, key, content)
    from_backend = {name: value for name, value in backend.items() if name in package.template["Parameters"]}
    parameters = {"Stage": stage.name, **from_backend, **stage.api}
    template = package.template_for(bucket, parameters).encode()
    template_key = f"templates/{hashlib.sha256(template).hexdigest()}.json"
    _upload(s3, bucket, template_key, template)
    source = {"TemplateURL": f"{s3.meta.endpoint_url}/{bucket}/{template_key}"}
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    deployed = stack(account, stage)
    outputs = deployed.deploy(Template(source, parameters, capabilities))
    deployed.protect(stage.is_protected)
    _delete_old(s3, bucket, {template_key, *package.uploads})
    return outputs


def _delete_old(s3: Any, bucket: str, current: set[str]) -> None:
    """Delete the packages and templates that are older than ``KEPT``, except the ``current`` ones.

    A lifecycle rule of the bucket could not spare the current package, which is as old as the latest change of the
    sources. CloudFormation needs it if it has to roll back the next deploy.
    """
    oldest = datetime.now(UTC) - KEPT
    for prefix in ("functions/", "layers/", "templates/"):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                if entry["LastModified"] < oldest and entry["Key"] not in current:
                    s3.delete_object(Bucket=bucket, Key=entry["Key"])


def _upload(s3: Any, bucket: str, key: str, content: bytes) -> None:
    """Upload ``content`` unless the key exists. A key has a hash of its content."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        s3.put_object(Bucket=bucket, Key=key, Body=content)
