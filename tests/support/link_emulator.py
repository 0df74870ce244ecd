#!/usr/bin/env python3
"""A bad line between two processes on this machine: relays TCP with a delay each way, stalls, cuts and a bounded bandwidth.

  link_emulator.py --to PORT [--listen PORT] [--delay-ms N] [--bytes-per-second N] [--window BYTES]

The first line it prints is the port that it listens on (127.0.0.1). Then each line on standard input is carried out and
answered by one line of JSON ({"connections": accepted ever, "open": now, "up": bytes, "down": bytes}):
  delay MS        of every byte from now on, each way
  rate N          bytes a second each way, for all connections together; 0: unbounded
  stall           nothing is delivered any more; connections stay
  flow            ends a stall
  cut             every connection is reset and new ones are, too
  mend            ends a cut
  status          only answers
It ends with its standard input. Like a line, it holds only so much: whoever sends more than the window ahead has to wait.
With a window of less than a chunk the sockets hold no more than that either.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import socket
import sys
import time

CHUNK = 64 * 1024
WINDOW = 8 * 1024 * 1024  # bytes on the way, each way of a connection, if nothing else is said


def tightened(end, window):
    """The socket, with buffers of its own choice unless the window is small."""
    if window <= CHUNK:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, window)
    return end


class Line:
    """What all connections have in common."""

    def __init__(self, to, delay, rate, window):
        self.to, self.delay, self.rate, self.window = to, delay, rate, window
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.is_cut = False
        self.connections = 0
        self.bytes = {"up": 0, "down": 0}
        self._free_at = {"up": 0.0, "down": 0.0}
        self._writers = set()

    async def serve(self, reader, writer):
        if self.is_cut:
            writer.transport.abort()
            return
        self.connections += 1
        try:
            far = tightened(socket.socket(), self.window)
            far.setblocking(False)
            await asyncio.get_running_loop().sock_connect(far, ("127.0.0.1", self.to))
            far_reader, far_writer = await asyncio.open_connection(sock=far, limit=min(CHUNK, self.window))
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        ways = [asyncio.ensure_future(self._way(*ends)) for ends in ((reader, far_writer, "up"), (far_reader, writer, "down"))]
        await asyncio.wait(ways)
        self._writers -= {writer, far_writer}
        for end in (writer, far_writer):
            end.transport.abort()

    async def _way(self, reader, writer, name):
        held, changed, room = collections.deque(), asyncio.Event(), asyncio.Event()
        room.set()
        size = 0

        async def take():
            nonlocal size
            data = b"more"
            while data:
                await room.wait()
                try:
                    data = await reader.read(min(CHUNK, self.window // 4))
                except OSError:
                    data = b""
                held.append((time.monotonic() + self.delay, data))
                size += len(data)
                if size >= self.window:
                    room.clear()
                changed.set()

        taking = asyncio.ensure_future(take())
        with contextlib.suppress(OSError):
            while True:
                while not held:
                    changed.clear()
                    await changed.wait()
                due, data = held.popleft()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self.flowing.wait()
                if not data:
                    break
                await self._take_turn(name, len(data))
                writer.write(data)
                await writer.drain()
                self.bytes[name] += len(data)
                size -= len(data)
                if size < self.window:
                    room.set()
            if writer.can_write_eof():
                writer.write_eof()
        taking.cancel()

    async def _take_turn(self, name, count):
        if self.rate:
            begin = max(time.monotonic(), self._free_at[name])
            self._free_at[name] = begin + count / self.rate
            await asyncio.sleep(self._free_at[name] - time.monotonic())

    def cut(self):
        self.is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def obey(self, command):
        words = command.split()
        if words[0] == "delay":
            self.delay = float(words[1]) / 1000
        elif words[0] == "rate":
            self.rate = float(words[1])
        elif words[0] == "stall":
            self.flowing.clear()
        elif words[0] == "flow":
            self.flowing.set()
        elif words[0] == "cut":
            self.cut()
        elif words[0] == "mend":
            self.is_cut = False
        elif words[0] != "status":
            return {"error": f"no such command: {words[0]}"}
        return {"connections": self.connections, "open": len(self._writers) // 2, **self.bytes}


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--to", type=int, required=True)
    parser.add_argument("--listen", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--bytes-per-second", type=float, default=0)
    parser.add_argument("--window", type=int, default=WINDOW)
    arguments = parser.parse_args()
    line = Line(arguments.to, arguments.delay_ms / 1000, arguments.bytes_per_second, arguments.window)
    listener = tightened(socket.socket(), arguments.window)  # what it accepts has its buffers
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", arguments.listen))
    server = await asyncio.start_server(line.serve, sock=listener, limit=min(CHUNK, arguments.window))
    print(server.sockets[0].getsockname()[1], flush=True)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while command := (await commands.readline()).decode().strip():
        print(json.dumps(line.obey(command)), flush=True)
    line.cut()
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
