"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Speed is measured by benchmarks, never by tests: a busy machine must not fail one. In CI the
# same examples come each time; elsewhere they are new ones.
settings.register_profile(
    "rejudge",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("rejudge")
