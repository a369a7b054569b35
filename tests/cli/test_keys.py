"""What a key may, told on the command line."""

from tests.cli.test_cli import Run, as_json, run

__all__ = ["run"]


def test_what_a_key_may(run: Run) -> None:
    as_json(run, "accounts", "create", "alice")
    limits = ["--scope", "chat", "--scope", "keys", "--model", "magistral-small-latest", "--ip", "10.0.0.0/8"]
    key = as_json(run, "keys", "create", "--account", "alice", *limits, "--expires", "2099-01-01T00:00:00Z")
    assert (key["scopes"], key["manages_keys"]) == (["chat", "keys"], True)
    assert (key["models"], key["ips"]) == (["magistral-small-2509"], ["10.0.0.0/8"])
    assert key["expires_at"] == "2099-01-01T00:00:00.000000Z"
    freed = as_json(run, "keys", "allow", key["id"], "--ip", "none", "--model", "none", "--expires", "none")
    assert (freed["ips"], freed["models"], freed["expires_at"]) == (None, None, None)
    assert freed["scopes"] == ["chat", "keys"], "what is not named stays"
    assert as_json(run, "keys", "rotate", key["id"], "--overlap-s", "60")["previous_until"]
    for options, says in (
        (["--scope", "all"], "scopes are chat, fim"),
        (["--model", "gpt"], "no model 'gpt'"),
        (["--ip", "10.0.0.1/8"], "within the network"),
        (["--expires", "2020-01-01T00:00:00Z"], "is over"),
    ):
        status, _, err = run("keys", "allow", key["id"], *options)
        assert (status, says in err) == (1, True), err
    operator = as_json(run, "keys", "create", "--operator", "--ip", "127.0.0.1")
    assert (operator["kind"], operator["ips"]) == ("operator", ["127.0.0.1/32"])
