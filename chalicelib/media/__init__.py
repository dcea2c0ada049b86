"""Pictures that people upload, keep private or publish, with thumbnails made for them."""
