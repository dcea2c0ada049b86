"""``embedded/images.py``, for tests that kill it: what a killed one had taken is taken again soon, by the next one.

    python -m embedded.leash testbed/impatient_images.py

Only one may run at a time, because it does not wait for other attempts to end.
"""

from chalicelib.media.images.processing import Processing
from embedded import images

SECONDS = 3
"""Until a message that was not handled is taken again. Long enough to handle a few small pictures."""

if __name__ == "__main__":
    images.VISIBILITY_TIMEOUT = SECONDS
    Processing.take.__defaults__ = (0.0,)  # the lease
    images.run()
