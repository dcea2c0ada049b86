"""Accounts: a capability with which people sign up, confirm their address, sign in, and reset their passwords."""
