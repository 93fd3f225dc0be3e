"""How much memory a run has used."""

from __future__ import annotations

import resource
import sys


def peak_memory() -> int:
    """Return the most bytes that this process has used so far, those of the GPU among them."""
    import mlx.core as mx

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    own = used if sys.platform == "darwin" else used * 1024
    # On a Mac the GPU's memory is the process's own.
    apart = mx.default_device().type != mx.DeviceType.cpu and sys.platform != "darwin"
    return own + (int(mx.get_peak_memory()) if apart else 0)
