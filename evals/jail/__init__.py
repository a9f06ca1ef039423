"""The code jail: bubblewrap, seccomp and limits around one generated program."""
