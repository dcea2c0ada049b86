"""Lockouts and hourly limits, at exact times."""

import pytest

from embedded.emulator import limits


def locked_for(lockout, now):
    """Return for how many seconds after ``now`` attempts are rejected."""
    return lockout.get("until", now) - now


class TestLockout:
    def test_it_begins_with_the_fifth_failure_and_doubles_up_to_15_minutes(self):
        """Amazon Cognito developer guide, "Lockout behavior for failed sign-in attempts": 2^(n-5) seconds."""
        lockout: dict[str, float] = {}
        now, seconds = 1000.0, []
        for _ in range(17):
            assert not limits.is_locked(lockout, now)
            limits.record_failure(lockout, now)
            seconds.append(locked_for(lockout, now))
            now += min(seconds[-1], 899)
            limits.is_locked(lockout, now)
            now = max(now, lockout.get("until", now))
        assert seconds == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]

    def test_it_ends_to_the_second(self):
        lockout: dict[str, float] = {}
        for _ in range(5):
            limits.record_failure(lockout, 1000.0)
        assert limits.is_locked(lockout, 1000.999)
        assert not limits.is_locked(lockout, 1001.0)

    @pytest.mark.parametrize(("idle", "seconds"), [(899.0, 2.0), (900.0, None)])
    def test_failures_are_forgotten_after_15_minutes_without_an_attempt(self, idle, seconds):
        lockout: dict[str, float] = {}
        for _ in range(5):
            limits.record_failure(lockout, 1000.0)
        limits.is_locked(lockout, 1000.5)
        now = 1000.5 + idle
        assert not limits.is_locked(lockout, now)
        limits.record_failure(lockout, now)
        assert lockout.get("until") == (seconds and now + seconds)


class TestPerHour:
    @pytest.mark.parametrize(("operation", "number"), limits.PER_HOUR.items())
    def test_each_operation_has_its_own_limit(self, operation, number):
        requests: dict[str, list[float]] = {}
        assert all(limits.is_allowed(requests, operation, 0.0) for _ in range(number))
        assert not limits.is_allowed(requests, operation, 3599.9)
        (other, *_) = limits.PER_HOUR.keys() - {operation}
        assert limits.is_allowed(requests, other, 3599.9)

    def test_a_request_counts_for_an_hour_and_a_rejected_one_does_not_count(self):
        requests: dict[str, list[float]] = {}
        for now in (0.0, 1.0, 2.0, 3.0, 4.0):
            assert limits.is_allowed(requests, "ChangePassword", now)
        assert not limits.is_allowed(requests, "ChangePassword", 3599.0)
        assert limits.is_allowed(requests, "ChangePassword", 3600.0)
        assert not limits.is_allowed(requests, "ChangePassword", 3600.5)
        assert limits.is_allowed(requests, "ChangePassword", 3601.0)
