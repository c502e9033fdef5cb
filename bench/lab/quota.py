"""A CPU quota as Lambda applies it to a small function: a share of each period of 20 ms."""

import os
from pathlib import Path

PERIOD_US = 20_000


class Quota:
    """A control group (version 1 or 2) whose CPU quota can be switched on and off while a process runs in it."""

    def __init__(self, folder: Path, version: int, share: float):
        self._folder = folder
        self._version = version
        self._quota_us = round(share * PERIOD_US)
        if version == 1:
            (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        self.off()

    def enter(self, pid: int) -> None:
        """Moves a process into the group. Its children start in the group."""
        (self._folder / "cgroup.procs").write_text(str(pid))

    def on(self) -> None:
        """Switches the quota on."""
        if self._version == 1:
            (self._folder / "cpu.cfs_quota_us").write_text(str(self._quota_us))
        else:
            (self._folder / "cpu.max").write_text(f"{self._quota_us} {PERIOD_US}")

    def off(self) -> None:
        """Switches the quota off."""
        if self._version == 1:
            (self._folder / "cpu.cfs_quota_us").write_text("-1")
        else:
            (self._folder / "cpu.max").write_text(f"max {PERIOD_US}")

    def throttled(self) -> int:
        """The number of periods in which the group was throttled."""
        lines = (self._folder / "cpu.stat").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("nr_throttled")))

    def remove(self) -> None:
        """Removes the group. No process may run in it."""
        self._folder.rmdir()


def find(share: float) -> tuple[Quota | None, str]:
    """A new group, or the reason why none can be made."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None, "a CPU quota needs root"
    why = "no control group with a CPU controller is writable here"
    for parent, version in _parents():
        folder = parent / f"relay-bench-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError as error:
            why = f"no control group can be made: {error.strerror}"
            continue
        try:
            return Quota(folder, version, share), f"control groups version {version}"
        except OSError as error:
            folder.rmdir()
            why = f"the control group takes no CPU quota: {error.strerror}"
    return None, why


def _parents():
    """The groups in which a new one could be made."""
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own[controllers] = path.lstrip("/")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, kind, options, *_ = line.split(" ")
        if kind == "cgroup2":
            for parent in (Path(mount), Path(mount) / own.get("", "")):
                children = parent / "cgroup.subtree_control"
                if children.exists() and "cpu" in children.read_text().split():
                    yield parent, 2
        elif kind == "cgroup" and "cpu" in options.split(","):
            mine = next((path for names, path in own.items() if "cpu" in names.split(",")), "")
            yield Path(mount) / mine, 1
            yield Path(mount), 1
