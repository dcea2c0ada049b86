"""The routes of accounts: for everybody, for one's own account, and for administrators.

What handles the requests of each group is imported with the first one: every cold start, the authorizer's too, would
pay for it, and most need none.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib.accounts.administration import routes as administration
from chalicelib.accounts.errors import PROBLEMS
from chalicelib.accounts.own import routes as own
from chalicelib.accounts.public import routes as public
from chalicelib.accounts.settings import AccountSettings
from chalicelib.housekeeping import Housekeeping
from chalicelib.personal_data import PersonalData
from chalicelib.repository import UserRepository
from chalicelib.storage.dynamodb import DynamoDB
from chalicelib.web.blueprint import Blueprint

if TYPE_CHECKING:
    from chalicelib.accounts.administration.handlers import Handlers as Administration
    from chalicelib.accounts.erasure import Erasure
    from chalicelib.accounts.housekeeping import AccountsHousekeeping
    from chalicelib.accounts.last_admin import Administrators
    from chalicelib.accounts.own.handlers import Handlers as Own
    from chalicelib.accounts.public.handlers import Handlers as Public
    from chalicelib.storage.cognito.service import Cognito


def blueprint(  # noqa: PLR0913, PLR0917  (what a capability gets from the core)
    authorizer: Any,
    database: DynamoDB,
    users: UserRepository,
    personal_data: PersonalData,
    housekeeping: Housekeeping,
    environ: Mapping[str, str],
) -> Blueprint:
    """Return the routes. ``users`` stores the record of each person who signs up.

    ``authorizer`` guards what takes a token. ``personal_data`` is what an export contains, and what is erased together
    with an account.
    """
    settings = AccountSettings.from_environ(environ)
    accounts = Blueprint(__name__, section="Accounts and sessions", problems=PROBLEMS)

    @cache
    def cognito() -> "Cognito":
        from chalicelib.storage.cognito.service import Cognito

        return Cognito(settings.pool_id, settings.endpoint)

    @cache
    def administrators() -> "Administrators":
        from chalicelib.accounts.last_admin import Administrators

        return Administrators(database, settings.table)

    @cache
    def erasure() -> "Erasure":
        from chalicelib.accounts.erasure import Erasure

        return Erasure(database, settings.table, personal_data, administrators())

    @cache
    def for_everybody() -> "Public":
        from chalicelib.accounts.public.handlers import Handlers

        return Handlers(settings, cognito(), users)

    @cache
    def for_oneself() -> "Own":
        from chalicelib.accounts.own.handlers import Handlers

        return Handlers(settings, cognito(), personal_data, erasure())

    @cache
    def for_administrators() -> "Administration":
        from chalicelib.accounts.administration.handlers import Handlers

        return Handlers(settings, cognito(), administrators(), erasure())

    @cache
    def chores() -> "AccountsHousekeeping":
        from chalicelib.accounts.housekeeping import AccountsHousekeeping
        from chalicelib.storage.cognito.directory import Directory

        return AccountsHousekeeping(Directory(cognito()), erasure(), administrators(), settings.admin_group)

    housekeeping.join("administrators", lambda deadline: chores().refresh_administrators(deadline))
    housekeeping.join("erasures", lambda deadline: chores().erase_again(deadline))
    housekeeping.join("unconfirmed accounts", lambda deadline: chores().delete_unconfirmed(deadline))
    public.add(accounts, for_everybody)
    own.add(accounts, authorizer, for_oneself)
    administration.add(accounts, authorizer, for_administrators)
    return accounts
