"""The one limit of what tests wait for."""

from typing import Final

HANGS_AFTER_S: Final = 60.0
"""No test measures time with it: machines are loaded, and this only ends what hangs."""
