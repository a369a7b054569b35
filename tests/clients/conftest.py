from collections.abc import Iterator

import pytest

from gateway.workers.embedded import EmbeddedWorker
from tests.fixtures.real import require_embedded
from tests.fixtures.running import RunningGateway


@pytest.fixture(scope="package")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway whose worker is a real llama.cpp server with a real model."""
    require_embedded()
    patient = {"first_byte_timeout_s": 60.0, "chunk_gap_s_max": 60.0}
    with (
        EmbeddedWorker() as worker,
        RunningGateway(tmp_path_factory.mktemp("real"), worker.url, **patient) as gateway,
    ):
        yield gateway
