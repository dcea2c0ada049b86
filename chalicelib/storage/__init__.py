"""The DynamoDB client, and the conversion of JSON to its types."""
