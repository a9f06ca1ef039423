"""How the kernels of signals are compiled.

``kernel``: called from Python; holds no lock while it runs. ``helper``: called by kernels, allocates no array and returns
none. numba counts references to every array that is passed to a function, with atomic instructions that cost more than
a small function does; helpers are compiled without.

Both are kept on disk beside their source. numba notices a change of that file only: a kernel that calls functions of
another module names its digest in ``USES`` (see tests/unit/test_kernels.py).
"""

from numba import njit

kernel = njit(cache=True, nogil=True)
helper = njit(cache=True, nogil=True, _nrt=False)
