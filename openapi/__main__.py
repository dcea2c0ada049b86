"""Write ``chalicelib/openapi.json``."""

import json
import os
from pathlib import Path

from infra import parts
from openapi.document import build

TARGET = Path(__file__).resolve().parent.parent / "chalicelib" / "openapi.json"


def main() -> None:
    """Build the document and write it."""
    os.environ |= parts.examples()
    from app import app

    TARGET.write_text(json.dumps(build(app), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
