"""`tollway login` and `logout`: what is saved, who may read it, and where it is sent."""

from pathlib import Path

from tests.fixtures.running import RunningGateway, free_port
from tests.sdk_cli.process import CTRL_D, Shell

PROFILE = ".config/tollway/profile.json"


def test_it_asks_for_the_gateway_and_hides_the_key(
    nobody: Shell, gateway: RunningGateway, name: str, tmp_path: Path
) -> None:
    key = gateway.account(name, "2.5")
    with nobody.sit_at("login") as terminal:
        terminal.expect(r"Gateway \[http://127.0.0.1:8080\]: ")
        terminal.type(f"{gateway.url}/v1\n")
        terminal.expect("API key")
        terminal.type(f"{key}\n")
        terminal.expect(rf"logged in at {gateway.url} as account acc_\w+; \$2.500000000 left")
        assert terminal.ends() == 0
        assert key[4:] not in terminal.seen
    file = tmp_path / PROFILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert key in file.read_text()
    assert nobody.run("credits").stdout.startswith("$2.500000000 left\n")
    with nobody.sit_at("login") as terminal:
        terminal.expect(rf"Gateway \[{gateway.url}\]: ")  # where the last login went
        terminal.interrupt()
        assert terminal.ends() == 130
    with nobody.sit_at("login") as terminal:
        terminal.expect("Gateway")
        terminal.type("\n")
        terminal.expect("API key")
        terminal.type(CTRL_D)
        assert terminal.ends() == 130
        assert "Traceback" not in terminal.seen


def test_nothing_is_saved_until_the_gateway_took_the_key(
    nobody: Shell, gateway: RunningGateway, tmp_path: Path
) -> None:
    there = ("--base-url", gateway.url)
    wrong = nobody.run("login", "--key-stdin", *there, stdin="tw_wrong\n")
    operators = nobody.run("login", "--key-stdin", *there, stdin=gateway.operator())
    broken = nobody.run("login", "--key-stdin", *there, stdin="tw_pasted twice tw_")
    deaf = nobody.run(
        "login", "--key-stdin", "--base-url", f"http://127.0.0.1:{free_port()}", stdin="tw_wrong"
    )
    for done, words in (
        (wrong, "not a Tollway API key"), (operators, "use an account's key"), (broken, "holds a space"),
        (deaf, "cannot be reached"),
    ):  # fmt: skip
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("tollway: ")
        assert done.stderr.count("\n") == 1
        assert words in done.stderr
    nothing = nobody.run("login", "--key-stdin", *there)
    piped = nobody.run("login", *there)
    assert (nothing.returncode, piped.returncode) == (2, 2)
    assert "no key was given" in nothing.stderr
    assert "use --key-stdin" in piped.stderr
    assert not (tmp_path / PROFILE).exists()


def test_logout_forgets_and_says_how_to_come_back(alice: Shell, tmp_path: Path) -> None:
    assert alice.run("logout").stdout == "logged out\n"
    assert not (tmp_path / PROFILE).exists()
    assert alice.run("logout").stdout == "nobody was logged in\n"
    done = alice.run("models")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "tollway: nobody is logged in: run `tollway login`, or set TOLLWAY_API_KEY\n"


def test_the_environment_goes_before_what_was_saved(
    alice: Shell, gateway: RunningGateway, name: str, tmp_path: Path
) -> None:
    other = gateway.account(f"{name}-2", "3")
    assert alice.run("credits", TOLLWAY_API_KEY=other).returncode == 1, "not at the saved URL: it is not its"
    there = {"TOLLWAY_API_KEY": other, "TOLLWAY_BASE_URL": gateway.url}
    assert alice.run("credits", **there).stdout.startswith("$3.000000000 left\n")
    said = alice.run("login", "--key-stdin", stdin=other, **there).stderr
    assert "TOLLWAY_API_KEY is set, and goes before what was saved" in said
    (tmp_path / PROFILE).write_text("{")
    assert alice.run("credits", **there).returncode == 0, "what is saved is not needed then"


def test_a_saved_key_is_not_sent_elsewhere(alice: Shell, gateway: RunningGateway) -> None:
    done = alice.run("credits", TOLLWAY_BASE_URL="http://127.0.0.1:9")
    assert done.returncode == 1
    assert f"the saved key is for {gateway.url}, and TOLLWAY_BASE_URL is http://127.0.0.1:9" in done.stderr


def test_a_broken_file_is_named_and_mended_by_logging_in(
    alice: Shell, gateway: RunningGateway, name: str, tmp_path: Path
) -> None:
    (tmp_path / PROFILE).write_text("{")
    done = alice.run("credits")
    assert done.returncode == 1
    assert PROFILE in done.stderr
    assert "run `tollway login` again" in done.stderr
    key = gateway.account(f"{name}-2")
    assert alice.run("login", "--key-stdin", "--base-url", gateway.url, stdin=key).returncode == 0
    assert alice.run("credits").returncode == 0
