"""Clients that standard generators make from the API's description, and a tour that each of them walks."""
