"""The overlay is no part of this checkout's tests: they run in the copy that it is laid over."""

collect_ignore = ["overlay"]
