"""Run by the machine's own Python: `transformers serve` as it is, which also writes down how each stream ended.

It has no metrics, and how much was generated of a stream that its client cut is known to its streamer alone: one line
of JSON in TOLLWAY_TEST_GPU_STREAMS for each, when it ended or when the thread that generates gave up.
"""

import json
import os
from pathlib import Path
from typing import Any

from transformers.cli.serving import utils
from transformers.cli.transformers import main

STREAMS = Path(os.environ["TOLLWAY_TEST_GPU_STREAMS"])


def note(streamer: utils.DirectStreamer, how: str) -> None:
    with STREAMS.open("a") as out:
        out.write(json.dumps({"how": how, "tokens": streamer.total_tokens}) + "\n")


class NotedStreamer(utils.DirectStreamer):
    def put(self, value: Any) -> None:
        try:
            super().put(value)
        except utils._GenerationCancelled:
            note(self, "stopped")
            raise

    def end(self) -> None:
        note(self, "ended")
        super().end()


utils.DirectStreamer = NotedStreamer
main()
