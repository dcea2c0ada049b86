"""Write ``chalicelib/openapi.json``."""

import json
import os
from pathlib import Path

from openapi.document import build

TARGET = Path(__file__).resolve().parent.parent / "chalicelib" / "openapi.json"
# Any settings will do: none of them shows in the description.
SETTINGS = {
    "USERS_TABLE": "users",
    "PROFILES_TABLE": "profiles",
    "USER_POOL_ID": "us-east-1_Example",
    "USER_POOL_ARN": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_Example",
    "APPLICATION_CLIENT_ID": "example",
}


def main() -> None:
    """Build the description and write it."""
    os.environ |= SETTINGS
    from app import app

    TARGET.write_text(json.dumps(build(app), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
