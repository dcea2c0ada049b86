"""The e-mails that the embedded AWS would have sent. It keeps them in memory until it stops."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from embedded import aws
from embedded.processes import get

NONE = "No e-mails have been sent since Roster was started."
RULE = f"\n\n{'-' * 72}\n\n"


@dataclass(frozen=True)
class Mail:
    """An e-mail. ``at`` is a local time. ``text`` is HTML if the e-mail has only that."""

    at: datetime
    to: str
    subject: str
    text: str

    @property
    def date(self) -> str:
        """When it was sent, as text."""
        return self.at.strftime("%Y-%m-%d %H:%M:%S")


def sent(aws_port: int) -> list[Mail]:
    """Return all e-mails, the newest last. Raise ``OSError`` if the embedded AWS on that port does not respond."""
    answer = get(f"{aws.endpoint(aws_port)}/_ministack/ses/messages", seconds=5)
    of_accounts = json.loads(answer)["messages"].values()
    mails = [
        Mail(
            at=datetime.fromtimestamp(message["Timestamp"]).astimezone(),
            to=", ".join(message["To"]),
            subject=message["Subject"],
            text=message["BodyText"] or message["BodyHtml"] or "",
        )
        for of_account in of_accounts
        for message in of_account
    ]
    return sorted(mails, key=lambda mail: mail.at)


def as_text(mails: Iterable[Mail]) -> str:
    """Return e-mails as plain text, or a sentence that there are none."""
    return RULE.join(f"Date: {m.date}\nTo: {m.to}\nSubject: {m.subject}\n\n{m.text}" for m in mails) or NONE
