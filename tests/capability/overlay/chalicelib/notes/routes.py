"""The routes of the notes."""

from collections.abc import Mapping
from http import HTTPStatus

from chalice.app import ChaliceAuthorizer, Response

from chalicelib import records, users
from chalicelib.errors import Invalid, RosterError
from chalicelib.repository import UserRepository
from chalicelib.security.access import owner_or_admins
from chalicelib.settings import Reader
from chalicelib.storage.dynamodb import DynamoDB
from chalicelib.web import responses
from chalicelib.web.blueprint import Blueprint
from chalicelib.web.problems import Problem

AUTHOR_OR_ADMINS = owner_or_admins("author")


class NoNote(RosterError):
    """The person has no note."""


def blueprint(jwt_authorizer: ChaliceAuthorizer, database: DynamoDB, environ: Mapping[str, str]) -> Blueprint:
    """Return the routes, guarded by ``jwt_authorizer``."""
    reader = Reader(environ)
    repository = UserRepository(database, reader.table("NOTES_TABLE"))
    reader.require_no_faults()
    notes = Blueprint(__name__, section="Notes", problems={NoNote: Problem("no-note", HTTPStatus.NOT_FOUND, "No note")})

    @notes.route(
        "/notes/{author}",
        methods=["GET"],
        authorizer=jwt_authorizer,
        allow=AUTHOR_OR_ADMINS,
        returns="Note",
        errors=[NoNote],
    )
    def get_note(author: str) -> Response:
        """Return a person's note."""
        note = repository.get(records.checked(author))
        if note is None:
            raise NoNote("This person has no note. Store one with PUT.")
        return responses.record(note, users.to_json)

    @notes.route(
        "/notes/{author}",
        methods=["PUT"],
        authorizer=jwt_authorizer,
        allow=AUTHOR_OR_ADMINS.only_with("access"),
        accepts="NewNote",
        returns="Note",
    )
    def put_note(author: str) -> Response:
        """Store a person's note. Only an access token may do so."""
        note = users.stored_as(author, notes.request.document())
        if not isinstance(note.document.get("text"), str):
            raise Invalid.at("/text", "Send the note's text.")
        repository.put(note, notes.request.precondition())
        return responses.record(note, users.to_json)

    return notes
