"""Lockouts after failed sign-ins, and how often an hour a user may try an operation.

The records are objects that are saved with the user. ``now`` is in seconds.
"""

from collections.abc import MutableMapping
from typing import Any

FREE_FAILURES = 5
LONGEST_LOCKOUT = 900.0
"""In seconds. After as long without an attempt, the failures are forgotten."""

HOUR = 3600.0
PER_HOUR = {
    "ForgotPassword": 20,
    "ResendConfirmationCode": 5,
    "ConfirmSignUp": 15,
    "ChangePassword": 5,
    "GetUserAttributeVerificationCode": 5,
    "VerifyUserAttribute": 15,
}
"""Requests per user and hour ("Quotas in Amazon Cognito"). ForgotPassword includes ConfirmForgotPassword. AWS allows
5 to 20 of these, depending on the request's risk."""

Record = MutableMapping[str, Any]


def is_locked(lockout: Record, now: float) -> bool:
    """Record a sign-in attempt, and return whether it is rejected without looking at the password or code.

    Source: "Lockout behavior for failed sign-in attempts", Amazon Cognito developer guide. It also applies to MFA
    codes ("Adding MFA to a user pool").
    """
    locked: bool = now < lockout.get("until", 0.0)
    if not locked and now - lockout.get("last", now) >= LONGEST_LOCKOUT:
        lockout.clear()
    lockout["last"] = now
    return locked


def record_failure(lockout: Record, now: float) -> None:
    """Record that an attempt has failed. The fifth failure locks for 1 s, and each further one for twice as long."""
    failures = lockout.get("failures", 0) + 1
    lockout["failures"] = failures
    if failures >= FREE_FAILURES:
        lockout["until"] = now + min(2.0 ** min(failures - FREE_FAILURES, 10), LONGEST_LOCKOUT)


def is_allowed(requests: MutableMapping[str, list[float]], operation: str, now: float) -> bool:
    """Return whether a user may call ``operation`` once more in this hour. If so, record the request."""
    recent = [at for at in requests.get(operation, []) if now - HOUR < at]
    if len(recent) >= PER_HOUR[operation]:
        return False
    requests[operation] = [*recent, now]
    return True
