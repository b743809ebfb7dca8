"""Stands in for pip in a child process: put the parent folder on PYTHONPATH. FAKE_PIP chooses what happens."""

import os
import shutil
import sys
import time
from pathlib import Path

words = sys.argv[1:]
requirement = Path(words[words.index("-r") + 1]).read_text("utf-8").split()
target = Path(words[words.index("-d") + 1])
wheel = next(Path(os.environ["FAKE_PIP_WHEELS"]).glob(requirement[0].split("==")[0].replace("-", "_") + "-*.whl"))
with Path(os.environ["FAKE_PIP_LOG"]).open("a", encoding="utf-8") as log:
    log.write(" ".join([*words, *requirement]) + "\n")
target.mkdir(parents=True, exist_ok=True)
content = wheel.read_bytes()
mode = os.environ["FAKE_PIP"]
if mode == "ok":
    time.sleep(float(os.environ.get("FAKE_PIP_SECONDS", "0")))
    shutil.copy(wheel, target)
elif mode == "damaged":
    (target / wheel.name).write_bytes(content[:-1] + b"?")
elif mode == "truncated":
    (target / wheel.name).write_bytes(content[: len(content) // 2])
elif mode == "nothing":
    pass
elif mode == "hangs":
    (Path(os.environ["TMPDIR"]) / "partial").write_bytes(content[: len(content) // 2])
    time.sleep(60)
else:
    (target / wheel.name).write_bytes(content[: len(content) // 2])
    sys.exit(f"Looking in indexes\n{mode}")
