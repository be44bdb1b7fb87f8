"""Runs the commands of docs/tour.md and compares what they print with what the tour says.

    python check.py BUILD_FOLDER SOURCE_FOLDER [--update]      --update rewrites the listings instead
"""
import difflib
import os
import re
import subprocess
import sys

build, source = sys.argv[1:3]
path = os.path.join(source, "docs/tour.md")
text = open(path).read()
environment = {**os.environ, "PATH": os.path.join(build, "bin") + ":" + os.environ["PATH"], "GRADC_TARGET": "x86-64-linux-avx-avx2-f16c-fma-sse41,l2=1M",
               "GRADC_CACHE": ""}  # no schedules that `gradc tune` has found
failures = commands = 0


def listing(block):
    """A listing with what its commands print now."""
    global commands
    lines = []
    for command in re.findall(r"^\$ (.*)$", block, re.M):
        commands += 1
        run = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=source, env=environment, capture_output=True, text=True)
        if run.returncode not in (0, 141):  # 141: `head` had enough
            sys.exit(f"tour: {command}: exit status {run.returncode}\n{run.stderr}")
        lines += ["$ " + command, *run.stdout.rstrip("\n").split("\n")]
    return "\n".join(lines) + "\n"


def replace(match):
    global failures
    now = listing(match[1])
    if now != match[1]:
        failures += 1
        if "--update" not in sys.argv:
            sys.stdout.writelines(difflib.unified_diff(match[1].splitlines(True), now.splitlines(True), "docs/tour.md", "now"))
    return "```console\n" + now + "```"


updated = re.sub(r"```console\n(.*?)```", replace, text, flags=re.S)
if "--update" in sys.argv:
    open(path, "w").write(updated)
    failures = 0
if commands == 0:
    sys.exit("tour: there are no commands")
print(f"{commands} commands, {failures} listings differ")
sys.exit(failures > 0)
