"""What makes Chalice stricter, and HTTP of what the domain returns and raises."""
