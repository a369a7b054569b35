"""Which Python of this machine has PyTorch, transformers and a GPU; and what is missing if none has.

Nothing is installed here: these packages are large, belong to the card's driver, and a GPU machine may have no network.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

from tests.tokens.pictures import encoded

DEVICE = os.environ.get("TOLLWAY_TEST_GPU_DEVICE", "cuda")
"""`cpu` tries the test itself where there is no card; its figures say so."""
INSTALL = "-m pip install 'transformers[serving]>=5.17' accelerate torchvision pillow requests"
NO_CARD = "a CUDA GPU (torch.cuda.is_available() is false)"
PROBE = """
import importlib, json, sys
found, missing = {}, []
def has(name, module=None):
    try:
        return importlib.import_module(module or name)
    except Exception as error:
        plain = isinstance(error, ModuleNotFoundError) and error.name == name
        missing.append(name if plain else f"{name} ({error})"[:200])
torch = has("torch")
transformers = has("transformers")
if transformers:
    found["transformers"] = transformers.__version__
    has("transformers serve", "transformers.cli.serving.utils") and has("its command", "transformers.cli.transformers")
for name in ("fastapi", "uvicorn", "pydantic", "openai", "accelerate", "torchvision", "PIL"):
    has(name)
if torch:
    found["torch"] = torch.__version__
    if sys.argv[1].startswith("cuda"):
        if torch.cuda.is_available():
            found["device"] = torch.cuda.get_device_name()
        else:
            missing.append(sys.argv[3])
try:
    picture = bytes.fromhex(sys.argv[2])
    torchvision = importlib.import_module("torchvision.io")
    torchvision.decode_image(torch.frombuffer(bytearray(picture), dtype=torch.uint8))
except Exception as error:
    found["no_pictures"] = str(error)[:200]
print(json.dumps({"missing": missing, **found}))
"""


@dataclass(frozen=True)
class Machine:
    python: str
    missing: tuple[str, ...]
    torch: str = ""
    transformers: str = ""
    device: str = "CPU, no GPU"
    no_pictures: str = ""
    """Why its torchvision decodes none, if so: a build for another PyTorch loads, and then cannot."""

    @property
    def why_not(self) -> str:
        """Empty if the tests can run."""
        if not self.missing:
            return ""
        lacks = f"{self.python} lacks: {', '.join(self.missing)}"
        mend = f"Install with: {self.python} {INSTALL}"
        other = "Or name another Python in TOLLWAY_TEST_GPU_PYTHON."
        return "\n".join([lacks, other] if self.missing == (NO_CARD,) else [lacks, mend, other])


@cache
def find_machine() -> Machine:
    """The first Python that has everything; else the one that lacks least."""
    asked = os.environ.get("TOLLWAY_TEST_GPU_PYTHON")
    candidates = [asked] if asked else [shutil.which("python3"), sys.executable]
    looked_at = [_look(python) for python in dict.fromkeys(candidates) if python]
    return min(looked_at, key=lambda machine: len(machine.missing))


def _look(python: str) -> Machine:
    try:
        answer = subprocess.run(
            [python, "-c", PROBE, DEVICE, encoded("PNG", 1, 1).hex(), NO_CARD],
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
    except OSError as error:
        return Machine(python, (f"itself ({error})",))
    if answer.returncode != 0:
        return Machine(python, (f"a working interpreter ({answer.stderr.strip()[-200:]})",))
    found = json.loads(answer.stdout.splitlines()[-1])
    return Machine(python, tuple(found.pop("missing")), **found)
