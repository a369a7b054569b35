"""Without a key, Stripe's library is not even imported: it costs 40 MB and a third of a second."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from gateway.app import build
from gateway.settings import Settings
from gateway.start import prepare
settings = Settings(data_dir=Path(sys.argv[1]), embedded=False, stripe_api_key=sys.argv[2])
prepare(settings)
build(settings)
print("stripe" in sys.modules)
"""


def imported(folder: Path, key: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), key], capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


def test_who_has_no_key_pays_nothing(tmp_path: Path) -> None:
    assert imported(tmp_path / "off", "") == "False"
    assert imported(tmp_path / "on", "sk_test_1") == "True"
