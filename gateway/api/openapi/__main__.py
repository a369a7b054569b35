"""`python -m gateway.api.openapi` prints the document; `make openapi` keeps it in docs/openapi.json."""

import sys

from gateway.api.openapi.document import encoded

sys.stdout.buffer.write(encoded())
