"""Signatures of webhooks, and how a secret is replaced."""

from gateway.alerts import manage
from gateway.alerts.sign import OVERLAP_US, headers_of, signature, webhook_secret
from gateway.kit.clock import SECOND_US
from tests.alerts.house import House

SECRET = b"the installation's"


def test_a_secret_is_replaced_in_peace(house: House) -> None:
    """For a day both sign; then the new one alone."""
    target = house.webhook("http://127.0.0.1:9/")
    turned = house.write(
        lambda conn: manage.change_target(conn, house.account_id, target.id, "rotate", house.now)
    )
    old, new = webhook_secret(SECRET, target.id, 1), webhook_secret(SECRET, target.id, 2)
    assert old != new
    for later_us, secrets in ((0, [new, old]), (OVERLAP_US, [new])):
        second = (house.now + later_us) // SECOND_US
        signed = headers_of(SECRET, turned, "msg_1", second, b"{}")["webhook-signature"]
        assert signed.split() == [signature(each, "msg_1", second, b"{}") for each in secrets]


def test_the_specifications_own_vector() -> None:
    signed = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
