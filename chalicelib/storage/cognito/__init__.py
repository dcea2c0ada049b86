"""Calls to the user pool's API."""
