"""Development only: builds the description of the API that ``/openapi.json`` serves. ``make openapi`` writes it."""
