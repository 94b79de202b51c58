"""gevent patches the standard library before any test module is imported."""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402

from hypothesis import settings  # noqa: E402

# The same examples in every run: a red build means a change, not luck. HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

from leftovers import watch  # noqa: E402
from wholeheap import leave_out  # noqa: E402

watch()
leave_out()
