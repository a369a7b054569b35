"""`tollway estimate`: tokens and cost of files before they are sent; nothing is charged."""

import json
from pathlib import Path

import pytest
import tollway

from tests.fixtures.running import RunningGateway
from tests.sdk_cli.process import Shell
from tests.tokens.pictures import encoded

FILES = ["a.txt", "b.png"]


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("The toll road crosses the river. " * 20)
    Path("b.png").write_bytes(encoded("PNG", 280, 140))
    Path("c.bin").write_bytes(b"\xff\xfe\x00")


def test_texts_and_pictures_with_their_sum(alice: Shell, gateway: RunningGateway, name: str) -> None:
    done = alice.run("estimate", *FILES, "--max-tokens", "100", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    text, picture = found["files"]
    assert text["image_tokens"] == 0
    assert picture["image_tokens"] == 10 * 5 + 5, "a token for 28 pixels square, and one for each row's end"
    for each in found["files"]:
        assert each["max_tokens"] == 100
        assert each["cost_max_nanousd"] == each["prompt_tokens"] * 200 + 100 * 600
    total = tollway.Money(sum(each["cost_max_nanousd"] for each in found["files"]))
    assert found["total"]["cost_max_usd"] == total.usd
    printed = alice.run("estimate", *FILES, "--max-tokens", "100").stdout
    sums = [line for line in printed.splitlines() if line.startswith("total")]
    assert [line.split()[-1] for line in sums] == [str(total)]
    assert "$1.000000000 left, enough for all of it" in printed
    assert gateway.settled_up(name).settled_nanousd == 0


def test_what_cannot_be_counted_is_said_beside_what_can(alice: Shell) -> None:
    done = alice.run("estimate", "a.txt", "c.bin", "gone", "--json")
    assert done.returncode == 1
    text, binary, gone = json.loads(done.stdout)["files"]
    assert text["prompt_tokens"] > 0
    assert binary == {"file": "c.bin", "error": "neither UTF-8 text nor a PNG, JPEG, GIF or WebP picture"}
    assert gone == {"file": "gone", "error": "cannot be read: No such file or directory"}
    printed = alice.run("estimate", "a.txt", "c.bin", "gone")
    assert printed.returncode == 1
    assert "total of 1" in printed.stdout
    assert "cannot be read" in printed.stdout
    nothing = alice.run("estimate")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "FILE..." in nothing.stderr


def test_offline_it_counts_the_same(alice: Shell) -> None:
    pytest.importorskip("mistral_common")
    options = ("--max-tokens", "100", "--json")
    here, there = (
        json.loads(alice.run("estimate", *FILES, *options, *where).stdout) for where in (["--offline"], [])
    )
    assert here == there


def test_offline_nobody_need_be_logged_in_nor_be_there(nobody: Shell) -> None:
    pytest.importorskip("mistral_common")
    done = nobody.run("estimate", "--offline", *FILES, TOLLWAY_BASE_URL="http://127.0.0.1:9")
    assert done.returncode == 0
    assert done.stderr.startswith("tokens only, for the prices are not known: the gateway cannot be reached")
    assert "—" in done.stdout
    assert nobody.run("estimate", *FILES).returncode == 1, "online somebody must be"


def test_offline_without_its_extra_says_what_to_install(alice: Shell, tmp_path: Path) -> None:
    hidden = tmp_path / "without"
    (hidden / "mistral_common").mkdir(parents=True)
    (hidden / "mistral_common/__init__.py").write_text("raise ImportError('not installed')")
    done = alice.run(
        "estimate", "--offline", "a.txt", PYTHONPATH=f"{hidden}:{alice.environ.get('PYTHONPATH', '')}"
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "tollway: counting offline needs an extra: pip install 'tollway[tokens]'\n"


def test_a_bar_goes_along_at_a_terminal(alice: Shell) -> None:
    with alice.sit_at("estimate", *FILES) as terminal:
        assert terminal.ends() == 0
    assert "counting" in terminal.seen
    assert "2/2" in terminal.seen
    assert terminal.seen.index("2/2") < terminal.seen.index("total")
    assert "counting" not in alice.run("estimate", *FILES).stderr, "and only there"
