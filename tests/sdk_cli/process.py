"""`tollway` in a process of its own: with pipes, or at a terminal."""

import errno
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "tollway.cli"]
TIMEOUT_S = 30
CTRL_D = "\x04"
INTERRUPTIBLE = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # where tests run in the background, shells have Ctrl-C ignored
os.execv(sys.argv[1], sys.argv[1:])
"""
AT_A_TERMINAL = (
    """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches it
"""
    + INTERRUPTIBLE
)


class Shell:
    """Runs `tollway` with a home of its own, so that no login of the developer's is seen or touched."""

    def __init__(self, home: Path, **environ: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
        self.environ = {
            **kept, "HOME": str(home), "TERM": "xterm-256color", "COLUMNS": "200", "PYTHONUTF8": "1", **environ,
        }  # fmt: skip

    def run(
        self, *arguments: str, stdin: str | bytes = "", **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Everything is piped."""
        given = stdin if isinstance(stdin, bytes) else stdin.encode()
        done = subprocess.run(
            [*COMMAND, *arguments], input=given, capture_output=True, timeout=TIMEOUT_S, check=False,
            env={**self.environ, **environ},
        )  # fmt: skip
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def start(self, *arguments: str, **piped: Any) -> subprocess.Popen[str]:
        """One that may be interrupted."""
        command = [sys.executable, "-c", INTERRUPTIBLE, *COMMAND, *arguments]
        return subprocess.Popen(command, env=self.environ, stdin=subprocess.DEVNULL, text=True, **piped)

    def sit_at(self, *arguments: str, **environ: str) -> "Terminal":
        return Terminal(arguments, {**self.environ, **environ})


class Terminal:
    """Somebody sits there: `expect` waits for what should appear, `type` answers."""

    def __init__(self, arguments: tuple[str, ...], environ: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(self._master, (50, 200))
        self.process = subprocess.Popen(
            [sys.executable, "-c", AT_A_TERMINAL, *COMMAND, *arguments],
            stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.seen = ""
        """All that appeared so far, escape sequences included."""
        self._read_to = 0

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        """Ctrl-C, as late as a person: Python's `input` misses one between showing its prompt and waiting."""
        time.sleep(0.3)
        self.type("\x03")

    def expect(self, pattern: str) -> str:
        """What appeared up to the end of this pattern."""
        deadline = time.monotonic() + TIMEOUT_S
        while not (found := re.search(pattern, self.seen[self._read_to :])):
            assert time.monotonic() < deadline, f"{pattern!r} did not appear after {self.seen!r}"
            assert self._read(), f"it ended without {pattern!r}: {self.seen!r}"
        start, self._read_to = self._read_to, self._read_to + found.end()
        return self.seen[start : self._read_to]

    def ends(self) -> int:
        """Its exit status, once it has said everything."""
        while self._read():
            pass
        return self.process.wait(TIMEOUT_S)

    def _read(self) -> bool:
        """Whether there may be more.  Linux says EIO when nobody has the other end open."""
        if not select.select([self._master], [], [], TIMEOUT_S)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            data = b""
        self.seen += data.decode(errors="replace")
        return bool(data)
