"""Accounts, a capability: signing up and in, one's own account, and administration."""
