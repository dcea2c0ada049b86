"""One's own account: reading and changing it, exporting what is stored about its owner, and leaving."""
