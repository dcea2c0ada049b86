"""Accounts for everybody: signing up, confirming an address, signing in and out, and resetting passwords."""
