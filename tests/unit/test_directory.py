"""What administration makes of Cognito's answers, also of those that the embedded AWS never gives."""

from datetime import datetime, timedelta, timezone

import pytest

from chalicelib.accounts.administration import handlers, invitations, metadata
from chalicelib.accounts.administration.search import Search, page
from chalicelib.accounts.errors import AccountExists, WrongStatus
from chalicelib.deadline import Deadline
from chalicelib.errors import Invalid, Misconfigured, NotFound, Throttled, Unavailable
from chalicelib.storage.cognito.directory import Directory, matching
from chalicelib.storage.cognito.service import Declined
from tests.unit.cognito_answers import Answering, error

SUB = "5f0c2b7e-0000-4000-8000-00000000c0de"
AT = datetime(2026, 11, 22, 13, 30, 0, 5000, tzinfo=timezone(timedelta(hours=1)))


def user(member="Attributes", sub=SUB, status="CONFIRMED", **more):
    attributes = [{"Name": "sub", "Value": sub}, {"Name": "email", "Value": "una@example.com"}]
    times = {"UserCreateDate": AT, "UserLastModifiedDate": AT}
    return {member: attributes, "Enabled": True, "UserStatus": status, **times, **more}


class Cognito:
    """A service with an answer for each operation: a response, an error, or a list of them, one for each call.

    ``made`` are the calls, in order.
    """

    pool_id = "pool"

    def __init__(self, **answers):
        self.answers = answers
        self.made = []

    def call(self, operation, **parameters):
        self.made.append((operation, parameters))
        answer = self.answers.get(operation, {})
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    call_once = call

    def has(self, operation):
        return operation in self.answers


def directory(**answers):
    return Directory(Cognito(**answers))


class TestUnconfirmed:
    def test_all_pages_are_read_but_none_after_the_deadline(self):
        def pages():
            return [{"Users": [user(sub=f"{SUB[:-1]}{n}")], "PaginationToken": f"{n}"} for n in range(3)] + [
                {"Users": []}
            ]

        assert len([*directory(ListUsers=pages()).unconfirmed(Deadline(600))]) == 3
        assert len([*directory(ListUsers=pages()).unconfirmed(Deadline(0))]) == 1


class TestMailLimit:
    def test_if_the_pool_may_mail_no_more_the_invitation_can_be_sent_later(self):
        full = directory(AdminCreateUser=Declined("LimitExceeded"))
        with pytest.raises(Throttled) as raised:
            invitations.invite(full, "una@example.com", "Una")
        assert raised.value.retry_after == 3600

    def test_cognito_reports_it_as_a_limit_that_is_not_an_error_of_the_operators(self):
        answering = Answering(error("LimitExceededException"))
        with pytest.raises(Declined) as raised:
            Directory(answering.cognito).invite("una@example.com", "Una")
        assert raised.value.reason == "LimitExceeded"

    def test_a_disabled_account_is_not_invited_again(self):
        invited = user("UserAttributes", status="FORCE_CHANGE_PASSWORD", Enabled=False)
        pool = directory(AdminCreateUser=Declined("UsernameExists"), AdminGetUser=invited)
        with pytest.raises(WrongStatus):
            invitations.invite(pool, "una@example.com", "Una")


class TestAccounts:
    def test_times_are_in_utc_with_milliseconds(self):
        found = directory(AdminGetUser=user("UserAttributes")).get(SUB)
        assert (found.created, found.modified) == ("2026-11-22T12:30:00.005Z",) * 2

    def test_an_account_that_another_name_finds_is_not_returned(self):
        found = directory(AdminGetUser=user("UserAttributes", sub="another"))
        assert found.find(SUB) is None
        with pytest.raises(NotFound):
            found.get(SUB)

    @pytest.mark.parametrize(
        ("status", "shown"),
        [("FORCE_CHANGE_PASSWORD", "invited"), ("EXTERNAL_PROVIDER", "external-provider"), ("NEW_ONE", "new-one")],
    )
    def test_unknown_statuses_keep_their_name(self, status, shown):
        assert directory(AdminGetUser=user("UserAttributes", status=status)).get(SUB).status == shown

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            user("UserAttributes", UserCreateDate=None),
            user("UserAttributes", UserStatus=None),
            user("UserAttributes", UserAttributes=[]),
            user("UserAttributes", UserAttributes=[{"Value": "x"}]),
        ],
    )
    def test_an_incomplete_response_is_a_temporary_error(self, answer):
        with pytest.raises(Unavailable):
            directory(AdminGetUser=answer).get(SUB)

    def test_all_pages_of_groups_are_read(self):
        pages = [{"Groups": [{"GroupName": "b"}], "NextToken": "1"}, {"Groups": [{"GroupName": "a"}]}]
        assert directory(AdminListGroupsForUser=pages).groups_of(SUB) == ["a", "b"]

    def test_all_pages_of_members_are_read(self):
        pages = [{"Users": [user()], "NextToken": "1"}, {"Users": [], "NextToken": "2"}, {"Users": [user(sub="b")]}]
        members = directory(ListUsersInGroup=pages).all_members("g")
        assert [member.userid for member in members] == [SUB, "b"]

    @pytest.mark.parametrize("change", ["enable", "disable", "end_sessions", "reset_password", "remove_totp"])
    def test_an_account_that_is_deleted_meanwhile_is_not_found(self, change):
        gone = Declined("UserNotFound")
        operations = ("AdminEnableUser", "AdminDisableUser", "AdminUserGlobalSignOut", "AdminResetUserPassword")
        everything = directory(**dict.fromkeys([*operations, "AdminSetUserMFAPreference"], gone))
        with pytest.raises(NotFound):
            getattr(everything, change)(SUB)

    def test_deleting_an_account_that_is_gone_succeeds(self):
        directory(AdminDeleteUser=Declined("UserNotFound")).delete(SUB)


class TestTotp:
    OFF = ("AdminSetUserMFAPreference", {"Enabled": False, "PreferredMfa": False})

    def test_an_old_botocore_only_turns_it_off(self):
        cognito = Cognito()
        Directory(cognito).remove_totp(SUB)
        assert [(name, given["SoftwareTokenMfaSettings"]) for name, given in cognito.made] == [self.OFF]

    def test_what_is_deleted_need_not_be_turned_off(self):
        declined = Declined("PasswordResetRequired")
        directory(AdminDeleteSoftwareToken={}, AdminSetUserMFAPreference=declined).remove_totp(SUB)

    def test_what_does_not_exist_is_turned_off(self):
        directory(AdminDeleteSoftwareToken=Declined("InvalidParameter"), AdminSetUserMFAPreference={}).remove_totp(SUB)

    def test_if_neither_works_it_is_reported(self):
        declined = Declined("UserNotConfirmed")
        for answers in ({}, {"AdminDeleteSoftwareToken": declined}):
            with pytest.raises(Declined):
                directory(AdminSetUserMFAPreference=declined, **answers).remove_totp(SUB)


class TestFilters:
    def test_quotation_marks_and_backslashes_are_escaped(self):
        assert matching("name", "^=", 'a"b\\') == 'name ^= "a\\"b\\\\"'

    def test_a_filter_has_at_most_256_utf_16_code_units(self):
        room = 256 - len('name ^= ""')
        assert len(matching("name", "^=", "a" * room)) == 256
        assert matching("name", "^=", "a" * (room + 1)) is None
        assert matching("name", "^=", '"' * (room // 2)) is not None
        assert matching("name", "^=", "😀" * (room // 2)) is not None
        assert matching("name", "^=", "😀" * (room // 2 + 1)) is None

    @pytest.mark.parametrize(
        ("search", "has_cursor", "pointer"), [(Search("name", "a"), False, "/name"), (Search(), True, "/cursor")]
    )
    def test_what_cognito_does_not_accept_is_the_fault_of_the_search_or_of_an_old_cursor(
        self, search, has_cursor, pointer
    ):
        pool = directory(ListUsers=[{"Users": [], "PaginationToken": "t"}, Declined("InvalidParameter")])
        cursor = page(pool, search, 1, None).token
        with pytest.raises(Invalid) as rejected:
            page(pool, search, 1, cursor if has_cursor else None)
        assert [fault.pointer for fault in rejected.value.violations] == [pointer]


class TestInvitations:
    def invite(self, **answers):
        return invitations.invite(directory(**answers), "una@example.com", "Una")

    def test_a_person_who_comes_in_this_moment_is_not_invited_again(self):
        invited = user("UserAttributes", status="FORCE_CHANGE_PASSWORD")
        for reason in ("UnsupportedUserState", "UserNotFound"):
            with pytest.raises(AccountExists):
                self.invite(AdminCreateUser=[Declined("UsernameExists"), Declined(reason)], AdminGetUser=invited)

    def test_an_account_that_is_deleted_in_this_moment_counts_as_existing(self):
        with pytest.raises(AccountExists):
            self.invite(AdminCreateUser=Declined("UsernameExists"), AdminGetUser=Declined("UserNotFound"))

    @pytest.mark.parametrize(("reason", "error"), [("CodeDeliveryFailure", Unavailable), ("InvalidParameter", Invalid)])
    def test_what_cannot_be_mailed_is_reported(self, reason, error):
        with pytest.raises(error):
            self.invite(AdminCreateUser=Declined(reason))

    def test_a_group_that_is_deleted_in_this_moment_is_a_temporary_error(self):
        with pytest.raises(Unavailable):
            invitations.add_to_groups(directory(AdminAddUserToGroup=Declined("ResourceNotFound")), SUB, ["g"])


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("LimitExceeded", Throttled),
        ("Disabled", WrongStatus),
        ("InvalidParameter", WrongStatus),
        ("CodeDeliveryFailure", Misconfigured),
    ],
)
def test_why_a_password_was_not_reset_decides_the_error(reason, error):
    assert isinstance(handlers._not_reset(Declined(reason)), error)


class TestMetadata:
    def test_its_text_has_at_most_2000_utf_16_code_units(self):
        assert len(metadata.changed({}, {"app_metadata": {"a": "x" * 1992}})) == 2000
        for text in ("x" * 1993, "😀" * 997):
            with pytest.raises(Invalid):
                metadata.changed({}, {"app_metadata": {"a": text}})

    def test_an_empty_object_needs_no_text(self):
        for change in ({"app_metadata": None}, {"app_metadata": {"a": None}}):
            assert metadata.changed({"a": 1}, change) == ""
