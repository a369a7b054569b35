"""One vLLM and one patient gateway before it, for every file here that does not bring its own."""

from collections.abc import Iterator

import pytest

from tests.fixtures.running import RunningGateway
from tests.vllm.checkpoint import build
from tests.vllm.serve import VllmServer

PATIENT = {"first_byte_timeout_s": 120.0, "chunk_gap_s_max": 60.0, "audit_share": 0.0}
"""No audits: what is compared here must be what a request says of itself."""


@pytest.fixture(scope="package")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    folder = tmp_path_factory.mktemp("vllm")
    server = VllmServer(build(folder), folder / "vllm.log")
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="package")
def gateway(vllm: VllmServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("gateway"), vllm.url, **PATIENT) as running:
        yield running
