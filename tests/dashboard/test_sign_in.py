"""Ways in and out: links, passwords, sessions; and what keeps others out."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from gateway.kit.clock import now_us
from gateway.people import store
from gateway.people.sign_in import FAILURES_MAX
from tests.dashboard.browsing import PASSWORD, Browser, person, signed_in
from tests.fixtures.running import RunningGateway, eventually

Name = Callable[[], str]


@pytest.fixture
def email(fresh: Name) -> str:
    return f"{fresh()}@example.com"


def test_a_link_signs_in_once(gateway: RunningGateway, email: str) -> None:
    link = person(gateway, email, operator=True)
    with Browser(gateway) as browser, Browser(gateway) as another:
        assert f"as {email}" in browser.page(link), "reading it uses nothing up"
        browser.page(link)
        answer = browser.fill(link, link)
        assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Traffic" in browser.page("/dashboard")
        used = another.get(link)
        assert used.status_code == 401
        assert "this link was used, or is too old" in used.text
        assert another.post(link).status_code == 401


def test_of_many_who_use_a_link_at_once_one_gets_in(gateway: RunningGateway, email: str) -> None:
    link = person(gateway, email)

    def use(_: int) -> int:
        with Browser(gateway) as browser:
            return browser.post(link).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(use, range(8))) == [303] + [401] * 7


def test_a_password(gateway: RunningGateway, email: str) -> None:
    person(gateway, email, password=PASSWORD, operator=True)
    with Browser(gateway) as browser:
        wrong = browser.sign_in(email, "wrong horse battery")
        assert wrong.status_code == 401
        unknown = browser.sign_in("nobody@example.com")
        assert unknown.status_code == 401
        assert wrong.text.replace(email, "") == unknown.text.replace("nobody@example.com", "")
        assert browser.sign_in(email.upper()).headers["location"] == "/dashboard"
        assert "Traffic" in browser.page("/dashboard")


def test_guessing_ends(gateway: RunningGateway, email: str) -> None:
    """The right password does not help any more either, or guessing would only have to go on."""
    person(gateway, email, password=PASSWORD)
    with Browser(gateway) as browser:
        for number in range(FAILURES_MAX):
            assert browser.sign_in(email, f"guess number {number}").status_code == 401
        refused = browser.sign_in(email)
        assert refused.status_code == 429
        assert "try again in 15 minutes" in refused.text
        person(gateway, f"other-{email}", password=PASSWORD)
        assert browser.sign_in(f"other-{email}").status_code == 303, "others are not shut out"


def test_who_is_not_signed_in_is_led_there_and_back(gateway: RunningGateway, email: str) -> None:
    person(gateway, email, password=PASSWORD, operator=True)
    with Browser(gateway) as browser:
        led = browser.get("/dashboard/operator/ledger?check=true")
        assert (
            led.headers["location"]
            == "/dashboard/sign-in?next=%2Fdashboard%2Foperator%2Fledger%3Fcheck%3Dtrue"
        )
        back = browser.fill(led.headers["location"], "/dashboard/sign-in", email=email, password=PASSWORD)
        assert back.headers["location"] == "/dashboard/operator/ledger?check=true"


@pytest.mark.parametrize(
    "away", ["https://evil.example", "//evil.example", "/\\evil.example", "/dashboard//\\evil", "x"]
)
def test_nobody_is_led_elsewhere(gateway: RunningGateway, email: str, away: str) -> None:
    person(gateway, email, password=PASSWORD)
    with Browser(gateway) as browser:
        browser.get("/dashboard/sign-in", params={"next": away})
        answer = browser.post("/dashboard/sign-in", data={"email": email, "password": PASSWORD, "next": away})
        assert answer.headers["location"] == "/dashboard"


def test_forms_come_from_here(gateway: RunningGateway, email: str) -> None:
    browser = signed_in(gateway, email)
    other = signed_in(gateway, f"other-{email}")
    token = {"csrf": "0" * 64}
    refused = browser.post("/dashboard/sessions", data=token)
    assert refused.status_code == 403
    assert "reload it and send the form again" in refused.text
    assert browser.post("/dashboard/sessions").status_code == 403
    headers = {"origin": "https://evil.example"}
    assert browser.post("/dashboard/sign-in", data={}, headers=headers).status_code == 403, (
        "nobody is signed in by others"
    )
    assert browser.post("/dashboard/sessions", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    theirs = re.search(r'name="csrf" value="(\w+)"', other.page("/dashboard/sessions"))
    assert theirs is not None
    assert browser.post("/dashboard/sessions", data={"csrf": theirs[1]}).status_code == 403, (
        "each has its own"
    )
    browser.close()
    other.close()


def test_signing_out_ends_the_session_itself(gateway: RunningGateway, email: str) -> None:
    browser = signed_in(gateway, email)
    stolen = httpx.Cookies(browser.cookies)
    assert (
        browser.fill("/dashboard/sign-out", "/dashboard/sign-out").headers["location"] == "/dashboard/sign-in"
    )
    with httpx.Client(base_url=gateway.url, cookies=stolen, trust_env=False) as thief:
        assert thief.get("/dashboard/sessions").status_code == 303
    browser.close()


def test_a_new_password_ends_other_sessions(gateway: RunningGateway, email: str) -> None:
    link = person(gateway, email, password=PASSWORD)
    with Browser(gateway) as mine, Browser(gateway) as other:
        mine.fill(link, link)
        other.sign_in(email)
        short = mine.fill("/dashboard/sessions", "/dashboard/password", password="short", again="short")
        assert "12 to 200 characters" in short.text
        differ = mine.fill(
            "/dashboard/sessions", "/dashboard/password", password=PASSWORD, again=PASSWORD + "!"
        )
        assert "not the same" in differ.text
        new = "another good long one"
        assert (
            mine.fill("/dashboard/sessions", "/dashboard/password", password=new, again=new).status_code
            == 303
        )
        assert "this one" in mine.page("/dashboard/sessions")
        assert other.get("/dashboard/sessions").status_code == 303
        assert other.sign_in(email).status_code == 401
        assert other.sign_in(email, new).status_code == 303


def test_one_of_ones_own_sessions_is_ended(gateway: RunningGateway, email: str) -> None:
    link = person(gateway, email, password=PASSWORD)
    with Browser(gateway) as mine, Browser(gateway) as other:
        mine.fill(link, link)
        other.sign_in(email)
        [theirs] = re.findall(r'name="session_id" value="(\w+)"', mine.page("/dashboard/sessions"))
        mine.fill("/dashboard/sessions", "/dashboard/sessions", session_id=theirs)
        assert other.get("/dashboard/sessions").status_code == 303
        assert mine.get("/dashboard/sessions").status_code == 200


def test_somebody_shut_out_elsewhere_is_out_within_a_second(gateway: RunningGateway, email: str) -> None:
    browser = signed_in(gateway, email)
    assert browser.get("/dashboard/sessions").status_code == 200
    gateway.database.write_now(
        lambda conn: store.change_person(conn, store.require_person(conn, email).id, disabled_us=now_us())
    )
    eventually(lambda: browser.get("/dashboard/sessions").status_code == 303, "out", timeout_s=1.5)
    browser.close()


def test_keys_open_no_page_and_sessions_no_api(gateway: RunningGateway, email: str) -> None:
    with httpx.Client(base_url=gateway.url, trust_env=False) as nobody:
        bearer = {"authorization": f"Bearer {gateway.operator()}"}
        assert nobody.get("/dashboard/operator", headers=bearer).status_code == 303
    browser = signed_in(gateway, email, operator=True)
    assert browser.get("/admin/v1/accounts").status_code == 401
    browser.close()
