from __future__ import annotations

import json
import subprocess
import sys


def test_every_blas_that_a_fit_loads_is_held_to_one_thread() -> None:
    # A process of its own: SciPy brings its BLAS with the first import, here inside the block.
    program = (
        "import json\n"
        "from labels.calibration.fitting import one_thread\n"
        "with one_thread():\n"
        "    import scipy.optimize, scipy.special\n"
        "    from threadpoolctl import threadpool_info\n"
        "    told = [(one['filepath'], one['num_threads']) for one in threadpool_info()\n"
        "            if one['user_api'] == 'blas']\n"
        "print(json.dumps(told))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"OPENBLAS_NUM_THREADS": "2"},
    )
    told = json.loads(done.stdout)
    assert told
    assert {threads for _, threads in told} == {1}
