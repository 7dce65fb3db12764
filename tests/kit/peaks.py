"""What a piece of code takes of memory at its peak, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
WATCHED = """
import json, sys, threading, time
import psutil
result = None
{before}
process = psutil.Process()
least = peak = process.memory_info().rss
def watch():
    global peak
    while True:
        peak = max(peak, process.memory_info().rss)
        time.sleep(0.002)
threading.Thread(target=watch, daemon=True).start()
{code}
print(json.dumps([peak - least, result]))
"""


def peak(before: str, code: str, *arguments: str) -> tuple[int, Any]:
    """Bytes that `code` takes over what there is after `before`, and what one of them has put into `result`."""
    source = WATCHED.format(before=before, code=code)
    command = [sys.executable, "-c", source, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    taken, result = json.loads(done.stdout.splitlines()[-1])
    return taken, result
