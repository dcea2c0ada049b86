"""What tests and benchmarks share: Roster run in three ways, a user pool that can make any token, and Lambda events."""
