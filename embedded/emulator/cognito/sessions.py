"""The sessions of authentication challenges: for one user, client and challenge, for one use, and for some minutes.

They are in ministack's own store, which is saved.
"""

import secrets
from typing import Any

from ministack.services import cognito as ministack

from embedded.emulator.clock import now
from embedded.emulator.cognito.pools import Pool, User
from embedded.emulator.cognito.rejected import Rejected, not_authorized

Session = dict[str, Any]


def issue(pool: Pool, client_id: str, username: str, challenge: str, **details: Any) -> str:
    """Return a new session for ``challenge``. It is valid for the client's ``AuthSessionValidity``, in minutes."""
    for token, session in ministack._challenge_sessions.items():
        if now() >= session["expires_at"]:
            ministack._challenge_sessions.pop(token, None)
    token, session = ministack._create_challenge_session(pool["Id"], client_id, username)
    minutes = (pool["_clients"].get(client_id) or {}).get("AuthSessionValidity") or 3
    # With a pending challenge of another name, ministack accepts the session neither for SRP nor for CUSTOM_CHALLENGE.
    session.update(pending_builtin_challenge=challenge, expires_at=now() + 60.0 * int(minutes), **details)
    issued: str = token
    return issued


def find(token: Any, challenge: str) -> Session:
    """Return a session. Raise ``Rejected`` if it was not issued for ``challenge``, was used, or has expired."""
    session: Session | None = ministack._challenge_sessions.get(token)
    if session is None or session.get("pending_builtin_challenge") != challenge:
        raise not_authorized("Invalid session for the user.")
    if "used" in session:
        raise _used()
    if now() >= session["expires_at"]:
        raise not_authorized("Invalid session for the user, session is expired.")
    return session


def of(token: Any, challenge: str, client_id: str, user: User | None) -> Session:
    """Return a session, as ``find``. Raise ``Rejected`` also if it is another client's or user's."""
    session = find(token, challenge)
    if user is None or session["username"] != user["Username"] or session["client_id"] != client_id:
        raise not_authorized("Invalid session for the user.")
    return session


def use_up(session: Session) -> None:
    """Mark a session as used. Raise ``Rejected`` if a concurrent request has used it."""
    request = secrets.token_hex(8)
    if session.setdefault("used", request) != request:
        raise _used()


def _used() -> Rejected:
    return not_authorized("Invalid session for the user, session can only be used once.")
