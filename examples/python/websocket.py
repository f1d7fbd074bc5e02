"""The little of RFC 6455 that a client needs, on Python's standard library: text messages, both
ways, no extensions. Closed is raised when the connection ends, with the server's close code."""
import base64
import os
import select
import socket
import ssl
import struct
import urllib.parse


class Closed(Exception):
    def __init__(self, code, reason=""):
        super().__init__(f"closed with {code} {reason}")
        self.code = code


class WebSocket:
    def __init__(self, url, protocol, timeout=10):
        parts = urllib.parse.urlsplit(url)
        is_tls = parts.scheme == "wss"
        port = parts.port or (443 if is_tls else 80)
        self.socket = socket.create_connection((parts.hostname, port), timeout)
        if is_tls:
            context = ssl.create_default_context()
            self.socket = context.wrap_socket(self.socket, server_hostname=parts.hostname)
        self.buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((
            f"GET {parts.path} HTTP/1.1\r\nHost: {parts.hostname}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            self._read(1)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101"):
            raise Closed(0, head.splitlines()[0].decode())

    def _read(self, size):
        """At least `size` bytes more in the buffer."""
        wanted = len(self.buffer) + size
        while len(self.buffer) < wanted:
            try:
                chunk = self.socket.recv(65536)
            except OSError as error:
                raise Closed(1006, str(error)) from error
            if not chunk:
                raise Closed(1006, "the connection was cut")
            self.buffer += chunk

    def _take(self, size):
        if len(self.buffer) < size:
            self._read(size - len(self.buffer))
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def send(self, text, opcode=1):
        data = text.encode() if isinstance(text, str) else text
        mask, size = os.urandom(4), len(data)
        head = bytes([0x80 | opcode])
        head += bytes([0x80 | size]) if size < 126 else (
            struct.pack("!BH", 0xFE, size) if size < 65536 else struct.pack("!BQ", 0xFF, size))
        stream = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")
        try:
            self.socket.sendall(head + mask + masked)
        except OSError as error:
            raise Closed(1006, str(error)) from error

    def receive(self, timeout):
        """The next text message; None if none begins within `timeout` seconds."""
        message = b""
        while True:
            pending = self.buffer or getattr(self.socket, "pending", lambda: 0)()
            if not message and not pending and not select.select([self.socket], [], [], timeout)[0]:
                return None
            first, size = self._take(2)
            if size == 126:
                (size,) = struct.unpack("!H", self._take(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._take(8))
            data, opcode = self._take(size), first & 15
            if opcode == 8:
                raise Closed(*struct.unpack("!H", data[:2]) or (1005,), data[2:].decode())
            if opcode == 9:
                self.send(data, 10)
            if opcode < 3:
                message += data
                if first & 0x80:
                    return message.decode()

    def close(self):
        self.socket.close()
