"""A minimal HTTP/1.1 server over blocking sockets, one thread per connection, for two known clients. The less the server
does, the more of the measured time belongs to the client."""

import socket
import ssl
import threading
from collections.abc import Callable

# (method, path, lower-case headers, body) → the whole response
Handler = Callable[[bytes, bytes, dict[bytes, bytes], bytes], bytes]


def response(status: bytes, body: bytes, content_type: bytes, headers: bytes = b"") -> bytes:
    """The bytes of a response. `headers` are whole lines."""
    head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n"
    return head % (status, content_type, len(body), headers) + body


class Server:
    """A server on any free loopback port."""

    def __init__(self, handle: Handler, tls: ssl.SSLContext | None = None):
        self._handle = handle
        self._tls = tls
        family, kind, _, _, address = socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)[0]
        self._listener = socket.socket(family, kind)
        self._listener.bind(address)
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                self._converse(connection)
        except (OSError, ssl.SSLError):
            pass  # The client was ended, as every client is at the end of its run.

    def _converse(self, connection: socket.socket) -> None:
        buffer = b""

        def more() -> None:
            nonlocal buffer
            received = connection.recv(65536)
            if not received:
                raise ConnectionResetError
            buffer += received

        def line() -> bytes:
            nonlocal buffer
            while b"\r\n" not in buffer:
                more()
            found, _, buffer = buffer.partition(b"\r\n")
            return found

        def exactly(size: int) -> bytes:
            nonlocal buffer
            while len(buffer) < size:
                more()
            found, buffer = buffer[:size], buffer[size:]
            return found

        while True:
            while b"\r\n\r\n" not in buffer:
                more()
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            first, *lines = head.split(b"\r\n")
            method, path, _ = first.split(b" ", 2)
            pairs = (each.partition(b":") for each in lines)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            if headers.get(b"transfer-encoding") == b"chunked":
                body = b""
                while size := int(line().partition(b";")[0], 16):
                    body += exactly(size)
                    exactly(2)
                while line():
                    pass  # Trailers.
            else:
                body = exactly(int(headers.get(b"content-length", 0)))
            connection.sendall(self._handle(method, path, headers, body))
