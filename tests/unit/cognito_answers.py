"""Answers in place of Cognito. Nothing is sent: botocore's events answer."""

import json
from functools import cache

from botocore.awsrequest import AWSResponse

from chalicelib.storage.cognito.service import Cognito


class Raw:
    """A response's body, as urllib3 returns it."""

    def __init__(self, body):
        self.body = body

    def stream(self, **_):
        yield self.body


@cache
def _cognito():
    """A connection, which takes 0.1 s to make."""
    return Cognito("eu-west-1_Abc", "http://127.0.0.1:1")


class Answers:
    """Answers the requests of botocore's ``clients`` with statuses and bodies, in order; the last one is repeated.

    ``sent`` are the requests: the operation, its parameters, and whether it was signed.
    """

    def __init__(self, clients, answers):
        self.sent = []
        self.answers = list(answers)
        for events in (client.meta.events for client in clients):
            events.unregister("before-send", unique_id="answers")
            events.register("before-send", self._answer, unique_id="answers")

    def _answer(self, request, **_):
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        self.sent.append((operation, json.loads(request.body), "Authorization" in request.headers))
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return AWSResponse(request.url, status, {}, Raw(content))


class Answering(Answers):
    """Answers requests to a user pool."""

    def __init__(self, *answers):
        self.cognito = _cognito()
        super().__init__((self.cognito._repeating, self.cognito._once), answers)


def error(code, message="", status=400):
    """An error as Cognito reports it."""
    return status, {"__type": code, "message": message}
