"""`tollway chat` for scripts: the answer alone on stdout, its exact cost on stderr."""

import signal
import subprocess
from pathlib import Path

import tollway

from tests.fixtures.running import RunningGateway, eventually
from tests.fixtures.scripted import ScriptedWorker
from tests.sdk_cli.process import TIMEOUT_S, Shell
from tests.tokens.pictures import encoded


def test_the_answer_and_exactly_what_was_charged(alice: Shell, gateway: RunningGateway, name: str) -> None:
    done = alice.run("chat", "ok tokens=3")
    assert (done.returncode, done.stdout) == (0, "tok tok tok \n")
    [event] = gateway.events(name)
    cost = tollway.Money(event.cost_nanousd)
    left = tollway.Money(gateway.settled_up(name).settled_nanousd)
    assert left == cost
    rest = tollway.Money(1_000_000_000) - cost
    assert done.stderr == f"{event.input_tokens} in · 3 out · {cost} · {rest} left\n"
    assert "\x1b" not in done.stdout + done.stderr


def test_what_it_thinks_stays_off_stdout(alice: Shell) -> None:
    done = alice.run("chat", "ok think=1 tokens=1")
    assert done.stdout == "tok \n"
    assert done.stderr.startswith("hm hm\n")


def test_a_question_on_stdin_or_a_text_beside_it(alice: Shell, worker: ScriptedWorker) -> None:
    assert alice.run("chat", stdin="ok tokens=2\n").stdout == "tok tok \n"
    done = alice.run(
        "chat", "ok tokens=1", "--system", "Be brief.", "--max-tokens", "7", stdin="a long text\n"
    )
    assert done.stdout == "tok \n"
    sent = worker.seen[-1].body
    assert [message["content"] for message in sent["messages"]] == ["Be brief.", "ok tokens=1\n\na long text"]
    assert sent["max_tokens"] == 7


def test_a_picture_goes_along(alice: Shell, worker: ScriptedWorker, tmp_path: Path) -> None:
    picture = tmp_path / "a b.png"
    picture.write_bytes(encoded("PNG", 28, 28))
    assert alice.run("chat", "what is it?", "--image", str(picture)).returncode == 0
    text, image = worker.seen[-1].body["messages"][-1]["content"]
    assert (text["text"], image["type"]) == ("what is it?", "image_url")
    missing = alice.run("chat", "what?", "--image", str(tmp_path / "gone.png"))
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "gone.png cannot be read: No such file or directory" in missing.stderr
    (tmp_path / "a.txt").write_text("no picture")
    assert "is no PNG, JPEG, GIF or WebP" in alice.run("chat", "x", "--image", str(tmp_path / "a.txt")).stderr


def test_what_goes_wrong_is_one_line_and_costs_nothing(
    alice: Shell, gateway: RunningGateway, name: str
) -> None:
    for status, words, arguments, stdin in (
        (2, "the prompt is empty", ["chat", " "], b" \n"),
        (2, "'x' is not an exact amount of US dollars", ["chat", "ok", "--budget", "x"], b""),
        (2, "not negative", ["chat", "ok", "--budget", "-1"], b""),
        (2, "no such option: --foo; see `tollway chat --help`", ["chat", "ok", "--foo"], b""),
        (2, "no such command 'chatt'", ["chatt"], b""),
        (1, "no UTF-8 text; a picture goes into --image", ["chat"], b"\xff\xfe"),
        (1, "no UTF-8 text", ["chat", "ok \udcff"], b""),
        (1, "the model 'nope' is not in the price book; there are: ", ["chat", "ok", "-m", "nope"], b""),
        (1, "the worker refused the request", ["chat", "bad_status status=400"], b""),
        (1, "nothing was charged", ["chat", "die"], b""),
        (1, "max_cost_usd is $0.000000001", ["chat", "ok", "--budget", "0.000000001"], b""),
    ):
        done = alice.run(*arguments, stdin=stdin)
        said = done.stderr.splitlines()[-1]
        assert done.returncode == status, done.stderr
        assert said.startswith("tollway: ")
        assert words in said
        assert "Traceback" not in done.stderr
    assert gateway.settled_up(name).settled_nanousd == 0


def test_a_budget_cuts_the_answer(alice: Shell, gateway: RunningGateway, name: str) -> None:
    assert alice.run("chat", "ok", "--no-reasoning-prompt", "--budget", "$0.00001").returncode == 0
    assert 0 < gateway.settled_up(name).settled_nanousd <= 10_000


def test_ctrl_c_stops_the_answer_and_says_what_it_cost(
    alice: Shell, gateway: RunningGateway, name: str
) -> None:
    process = alice.start("chat", "ok tokens=1000 delay=0.05", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.read(12) == "tok tok tok "
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert out.endswith("\n")
    cost = tollway.Money(gateway.settled_up(name).settled_nanousd)
    assert cost.nanousd > 0
    assert err.startswith("stopped, and billed for what came · ")
    assert f" · {cost} · " in err


def test_ctrl_c_before_it_began(
    alice: Shell, gateway: RunningGateway, worker: ScriptedWorker, name: str
) -> None:
    before = len(worker.seen)
    process = alice.start("chat", "hang", stderr=subprocess.PIPE)
    eventually(lambda: len(worker.seen) > before, "the worker was asked")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert err == "stopped before the answer began; if it cost anything, `tollway usage` says so\n"
    assert gateway.settled_up(name).settled_nanousd == 0


def test_a_reader_that_leaves_is_no_traceback(alice: Shell) -> None:
    process = alice.start("chat", "ok tokens=50 delay=0.02", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    process.stdout.read(4)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(TIMEOUT_S) == 1
    assert "Traceback" not in err
    assert "Exception ignored" not in err
