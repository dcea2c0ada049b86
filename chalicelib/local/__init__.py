"""API Gateway's behaviour that ``chalice local`` lacks. Imported only when a Chalice command runs."""
