#!/bin/sh
# Resolve pyproject.toml into constraints.txt for Python 3.11 to 3.13 on every system. torch is left out on purpose:
# the Makefile installs a CPU build of it, and a lock with torch would pin CUDA packages for everyone.
set -eu
no_torch=$(mktemp)
trap 'rm -f "$no_torch"' EXIT
echo "torch ; python_version < '0'" > "$no_torch"
{
  echo "# Every version this project was tested with. Made by: make lock"
  uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
    --overrides "$no_torch" --no-annotate --no-header --quiet
} > constraints.txt.new
mv constraints.txt.new constraints.txt
