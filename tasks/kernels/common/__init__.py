"""How kernels are compiled and cached, and the hashes and sorted sets that several of them use."""
