"""Notes: a small capability that exists only in the tests. Each person can keep one note, which admins can read."""
