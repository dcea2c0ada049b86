"""The schemas of the notes."""

from openapi.schemas import SUB, TIMESTAMP, Json, record, ref

TEXT = {"type": "string"}

SCHEMAS: Json = {
    "NewNote": record(["text"], {"text": TEXT}),
    "Note": record(["text", "userid", "timestamp"], {"text": TEXT, "userid": ref("UserId"), "timestamp": TEXT}),
}
EXAMPLES: Json = {
    "NewNote": {200: {"text": "Buy milk"}},
    "Note": {200: {"text": "Buy milk", "userid": SUB, "timestamp": TIMESTAMP}},
}
TAGGED = {"Note": True}
DETAILS = {"no-note": "This person has no note. Store one with PUT."}
