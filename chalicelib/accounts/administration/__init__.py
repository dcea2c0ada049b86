"""Administration: other people's accounts, for administrators."""
