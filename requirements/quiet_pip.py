"""Run pip and print what matters: each warning once as it comes, and nothing about places that an index does not have.

    python requirements/quiet_pip.py install -r requirements/vllm.txt

Where an index is configured that lacks packages (``file:///…/simple`` beside PyPI), pip warns about every package and
every such index: hundreds of lines, though all is well. Those are counted, and told only when pip fails, since then
they may be the reason. pip before 23.3 also says that a package lacks an extra whose name has an underscore, and
installs it all the same. Errors, and warnings about a network that does not answer, are printed as they come.
Standard library only: it runs before anything is installed.
"""

import re
import subprocess
import sys

MISREAD = re.compile(r"WARNING: \S+ \S+ does not provide the extra '\w*_\w*'")
ABSENT = re.compile(r"WARNING: Location '(.*)' is ignored: it is neither a file nor a directory\.?")


def main(arguments: list[str]) -> int:
    """pip's exit code."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments[:1], "--quiet", *arguments[1:]]
    told: set[str] = set()
    absent: list[str] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as pip:
        for line in pip.stderr or ():
            found = ABSENT.match(line.strip())
            if found:
                absent.append(found[1])
            elif line not in told and not MISREAD.match(line):
                told.add(line)
                sys.stderr.write(line)
                sys.stderr.flush()
    code = pip.returncode
    if code and absent:
        sys.stderr.write(f"{len(absent)} places that pip was told to look in do not exist, such as {absent[0]}\n")
    if code:
        sys.stderr.write(f"pip failed ({code}): {' '.join(command[1:])}\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
