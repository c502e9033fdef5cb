"""Servers of others, each in a process of its own that is ended with the journey."""

import socket
import subprocess
import tempfile
from pathlib import Path

import tools


class Server:
    """A process that listens on a port of its own."""

    def __init__(self, what: str, command, cwd: Path, **environment: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        env = tools.clean_environment(**environment)
        self._child = tools.Child(command(str(self.port)), subprocess.DEVNULL, None, cwd, env)
        self.end = self._child.end
        try:
            tools.wait_until(f"{what} listens", self._listens, 30)
        except BaseException:
            self.end()
            raise

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


def redis_server() -> Server:
    """Debian's, which keeps nothing."""
    command = lambda port: ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"]  # noqa: E731
    return Server("redis-server", command, Path(tempfile.gettempdir()))
