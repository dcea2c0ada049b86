"""Builds the OpenAPI document that ``/openapi.json`` serves. ``make openapi`` runs it; it is not deployed."""
