"""Reading, merging and writing JSON."""
