"""What API Gateway does and ``chalice local`` does not. Imported only while a Chalice command runs."""
