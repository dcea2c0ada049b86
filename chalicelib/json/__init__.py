"""JSON as Roster reads, merges and writes it."""
