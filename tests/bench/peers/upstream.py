"""What every gateway is put before: nginx with one fixed answer and one fixed stream, so that the gateway is what is measured."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from tests.fixtures.running import eventually, free_port

CHUNKS = 64
MODEL, STREAMED_MODEL, PACED_MODEL = "magistral-small-2509", "ministral-8b-2512", "ministral-3b-2512"
USAGE = {"prompt_tokens": 24, "completion_tokens": CHUNKS, "total_tokens": 24 + CHUNKS}


def body(*, stream: bool) -> bytes:
    told = "You are a helpful assistant who answers briefly."
    asked = "Please tell me what lives in the deepest part of the sea."
    messages = [{"role": "system", "content": told}, {"role": "user", "content": asked}]
    model = STREAMED_MODEL if stream else MODEL
    return json.dumps({"model": model, "max_tokens": 256, "messages": messages, "stream": stream}).encode()


def _answer() -> str:
    message = {"role": "assistant", "content": "The sea is deep, and most of it has never been seen. " * 6}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "created": 1764150000, "model": MODEL,
                       "choices": [choice], "usage": USAGE})  # fmt: skip


def chunk(
    delta: dict[str, str],
    finish: str | None = None,
    usage: dict[str, int] | None = None,
    model: str = STREAMED_MODEL,
) -> str:
    fields = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1764150000, "model": model,
              "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}  # fmt: skip
    return f"data: {json.dumps(fields | ({'usage': usage} if usage else {}))}\n\n"


def _stream() -> str:
    pieces = [chunk({"role": "assistant", "content": "The"})]
    pieces += [chunk({"content": f" sea{i}"}) for i in range(CHUNKS - 2)]
    return "".join([*pieces, chunk({"content": "."}, "stop", USAGE), "data: [DONE]\n\n"])


CONFIG = """
worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; daemon off;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; default_type application/json;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  {servers}
}}
"""
UPSTREAM = """
  server {{ listen 127.0.0.1:{port} backlog=4096; root {folder};
    location = /v1/models {{ return 200 '{{"object":"list","data":[{{"id":"{model}","object":"model","owned_by":"vllm"}}]}}'; }}
    location = /v1/chat/completions {{ error_page 405 =200 /{file}; }}
    location = /{file} {{ default_type {type}; }}
  }}
"""
"""nginx answers a POST to a file with 405, and an error may have a page."""
PROXY = """
  upstream up {{ server 127.0.0.1:{whole}; keepalive 512; }}
  upstream streams {{ server 127.0.0.1:{streamed}; keepalive 512; }}
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
  server {{ listen 127.0.0.1:{port_streamed} backlog=4096; proxy_buffering off;
    location / {{ proxy_pass http://streams; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
"""


class Nginx:
    """An nginx of ours on one core, with these servers; in a folder that goes with it."""

    def __init__(self, core: int, servers: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        folder.chmod(0o755)
        asked = folder / "v1" / "chat" / "completions"
        asked.parent.mkdir(parents=True)
        asked.touch()
        (folder / "whole.json").write_text(_answer())
        (folder / "stream.txt").write_text(_stream())
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, servers=servers.replace("{folder}", str(folder))))
        command = ["taskset", "-c", str(core), "nginx", "-e", f"{folder}/error.log", "-p", str(folder), "-c", str(config)]  # fmt: skip
        self.process = subprocess.Popen(command)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self._folder.cleanup()


class Upstreams:
    """Three ports: one answers whole, one streams as fast as it can, one at a pace."""

    def __init__(self, core: int) -> None:
        self.whole, self.streamed, self.paced = free_port(), free_port(), free_port()
        rows = ((self.whole, MODEL, "whole.json", "application/json"),
                (self.streamed, STREAMED_MODEL, "stream.txt", "text/event-stream"))  # fmt: skip
        servers = "".join(
            UPSTREAM.format(port=port, model=model, file=file, type=kind, folder="{folder}")
            for port, model, file, kind in rows
        )
        self._nginx = Nginx(core, servers)
        paced = [sys.executable, "-m", "tests.bench.peers.paced_upstream", str(self.paced)]
        self._paced = subprocess.Popen(["taskset", "-c", str(core), *paced])
        try:
            eventually(
                lambda: all(map(answers, (self.whole, self.streamed, self.paced))), "the upstreams listen"
            )
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Of what answers whole and streams."""
        return self._nginx.process.pid

    def stop(self) -> None:
        self._nginx.stop()
        self._paced.terminate()
        self._paced.wait(10)


def answers(port: int, path: str = "/v1/models") -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=2, trust_env=False).status_code < 500
    except httpx.HTTPError:
        return False
