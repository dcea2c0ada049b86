"""Development only: Roster on an embedded AWS, on one machine and without an account. Nothing in Roster knows of it."""
