"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# Machines are noisy: how long an example takes is no matter of right or wrong.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
