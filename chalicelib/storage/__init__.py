"""The doors to what stores: DynamoDB, and JSON in its types."""
