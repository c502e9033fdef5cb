"""Servers of others, each in a process that ends with its journey."""

import subprocess
import tempfile
from pathlib import Path

from support.process import Process, clean_environment, free_port, listens, wait_until


class ForeignServer:
    """A process that listens on a free port."""

    def __init__(self, name: str, command, cwd: Path, **environment: str):
        self.port = free_port()
        self._process = Process(command(str(self.port)), cwd=cwd, env=clean_environment(**environment), stdout=subprocess.DEVNULL)
        self.end = self._process.end
        try:
            wait_until(f"{name} listens", lambda: listens(self.port), 30)
        except BaseException:
            self.end()
            raise


def redis_server() -> ForeignServer:
    """Debian's Redis server, which keeps nothing on disk."""
    command = lambda port: ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"]  # noqa: E731
    return ForeignServer("redis-server", command, Path(tempfile.gettempdir()))
