"""What tests and benchmarks share: Roster run in three ways, a user pool that makes any token, events as Lambda's."""
