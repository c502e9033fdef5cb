"""A client of WebSocket over loopback, as much of one as the benchmarks need: text, whole messages."""

import asyncio
import base64
import os
import struct


class WebSocket:
    """An open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, port: int, path: str) -> "WebSocket":
        """Opens a connection. Raises OSError if the server refuses it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        writer.write(f"{head}sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n".encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        if " 101 " not in answer.split("\r\n")[0]:
            writer.close()
            raise OSError(f"no connection: {answer.splitlines()[0]}")
        return cls(reader, writer)

    async def send(self, text: str) -> None:
        body, mask = text.encode(), os.urandom(4)
        length = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + struct.pack(">H", len(body))
        self._writer.write(b"\x81" + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(body)))
        await self._writer.drain()

    async def receive(self) -> bytes | None:
        """The next text, or None at the end of the connection."""
        while True:
            try:
                first, length = await self._reader.readexactly(2)
                if length == 126:
                    (length,) = struct.unpack(">H", await self._reader.readexactly(2))
                elif length == 127:
                    (length,) = struct.unpack(">Q", await self._reader.readexactly(8))
                body = await self._reader.readexactly(length)
            except (asyncio.IncompleteReadError, OSError):
                return None
            match first & 0x0F:
                case 1:
                    return body
                case 8:
                    return None
                case 9:
                    self._writer.write(b"\x8a\x80" + os.urandom(4))

    def close(self) -> None:
        """Ends the connection without a word, as a network that fails does."""
        self._writer.transport.abort()
