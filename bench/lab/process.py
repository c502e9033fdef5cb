"""The connection to the launcher and the stand-in, and figures of a process from outside."""

import json
import subprocess
import sys
import time
from pathlib import Path

LAB = Path(__file__).resolve().parent


class Helper:
    """A Python process that answers JSON lines with JSON lines."""

    def __init__(self, script: str, *arguments: str, bare: bool = False):
        flags = ["-I", "-S"] if bare else []
        self._process = subprocess.Popen(
            [sys.executable, *flags, str(LAB / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def read(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the laboratory has ended; its error is above")
        return json.loads(line)

    def ask(self, what: dict) -> dict:
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return self.read()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def cpu_ns(pid: int) -> int:
    """The CPU time of a process in nanoseconds, including threads that have ended."""
    return time.clock_gettime_ns(~pid << 3 | 2)  # The clock id that clock_getcpuclockid(3) returns for a pid.


def alive(pid: int) -> bool:
    """Whether a process runs. A zombie does not."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def settle(pid: int) -> None:
    """Waits until every thread sleeps, because only then the CPU time of a process is complete."""
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        stats = [each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/stat")]
        if all(stat.rpartition(")")[2].split()[0] == "S" for stat in stats):
            return
        time.sleep(0.0005)


def memory_bytes(pid: int, name: str) -> int:
    """The memory of a process under a name of its status, such as `VmRSS`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"the status of the process has no {name}")


def peak_bytes(pid: int) -> int:
    """The peak memory of a process."""
    return memory_bytes(pid, "VmHWM")


def busy(seconds: float = 1.0) -> float:
    """The share of the time of all CPUs that is in use now."""

    def read() -> tuple[int, int]:
        fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    total, idle = read()
    time.sleep(seconds)
    total_after, idle_after = read()
    return 1 - (idle_after - idle) / (total_after - total)
