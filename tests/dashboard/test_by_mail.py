"""Links by mail: who gets one, who learns nothing, and how often."""

import re
import time
from collections.abc import Callable, Iterator

import pytest

from gateway.kit.clock import now_us
from gateway.kit.db import Database
from gateway.people import by_mail, store
from gateway.people.by_mail import ASKS_OF_ADDRESS_MAX, ASKS_OF_CLIENT_MAX, INVITATIONS_MAX, note_ask
from gateway.people.sign_in import TooManyAttempts
from tests.dashboard.browsing import PASSWORD, Browser, person, signed_in
from tests.fixtures.postbox import Postbox
from tests.fixtures.running import RunningGateway
from tests.fixtures.scripted import ScriptedWorker

Name = Callable[[], str]
PUBLIC = "https://llm.example.com"
SIGN_IN = "/dashboard/sign-in"


@pytest.fixture(scope="module")
def postbox() -> Iterator[Postbox]:
    with Postbox() as running:
        yield running


@pytest.fixture(scope="module")
def mailing(
    worker: ScriptedWorker, postbox: Postbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    options = {"smtp_url": postbox.url, "mail_from": "Tollway <t@example.org>", "public_url": PUBLIC + "/"}
    with RunningGateway(tmp_path_factory.mktemp("mailing"), worker.url, **options) as running:
        yield running


@pytest.fixture
def email(fresh: Name) -> str:
    return f"{fresh()}@example.com"


@pytest.fixture(autouse=True)
def _many_tests_from_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_mail, "ASKS_OF_CLIENT_MAX", 1000)


def link_in(text: str) -> str:
    """Its path; where it leads is checked."""
    [found] = re.findall(rf"{re.escape(PUBLIC)}(/dashboard/link/\S+)", text)
    return str(found)


def test_a_mailed_link_signs_in_once_and_leads_on(
    mailing: RunningGateway, postbox: Postbox, email: str
) -> None:
    person(mailing, email, operator=True)
    with Browser(mailing) as browser, Browser(mailing) as another:
        page = f"{SIGN_IN}?next=/dashboard/operator/ledger"
        assert "formaction" in browser.page(page)
        there = browser.get(page).text
        assert "people link" not in there, "nobody has to ask the operator"
        answer = browser.post(
            f"{SIGN_IN}/mail", data={"email": f" {email.upper()} ", "next": "/dashboard/operator/ledger"}
        )
        assert answer.status_code == 200
        assert "a link is on its way" in answer.text
        mail = postbox.last_to(email)
        assert mail["subject"] == "Sign in to Tollway"
        link = link_in(mail.get_content())
        used = browser.fill(link, link.partition("?")[0])
        assert used.headers["location"] == "/dashboard/operator/ledger"
        assert "Ledger" in browser.page("/dashboard/operator/ledger")
        assert another.get(link).status_code == 401


def test_a_host_header_is_not_where_the_link_leads(
    mailing: RunningGateway, postbox: Postbox, email: str
) -> None:
    """Otherwise whoever asks in somebody else's name would be sent their link."""
    person(mailing, email)
    with Browser(mailing) as browser:
        for headers in ({"host": "evil.example"}, {"x-forwarded-host": "evil.example"}):
            answer = browser.post(f"{SIGN_IN}/mail", data={"email": email}, headers=headers)
            assert answer.status_code == 200
    postbox.last_to(email)
    assert "evil" not in str(postbox.last_to(email))


def test_nobody_learns_who_is_known(
    mailing: RunningGateway, postbox: Postbox, email: str, fresh: Name
) -> None:
    person(mailing, email)
    shut_out, unknown = f"out-{email}", f"{fresh()}@example.com"
    person(mailing, shut_out)
    mailing.database.write_now(
        lambda conn: store.change_person(conn, store.require_person(conn, shut_out).id, disabled_us=now_us())
    )
    with Browser(mailing) as browser:
        said = {}
        for each in (shut_out, unknown, "no address", email):
            answer = browser.post(f"{SIGN_IN}/mail", data={"email": each})
            said[each] = answer.status_code, answer.text.replace(each, "…")
        assert len(set(said.values())) == 1
        postbox.last_to(email)  # asked last, so the others would be here
        assert not {shut_out, unknown} & {mail["to"] for mail in postbox.mails}


def test_the_answer_does_not_wait_for_the_mail(mailing: RunningGateway, postbox: Postbox, email: str) -> None:
    person(mailing, email)
    postbox.answers.append("451 later")  # a second more
    with Browser(mailing) as browser:
        begun = time.monotonic()
        browser.post(f"{SIGN_IN}/mail", data={"email": email})
        assert time.monotonic() - begun < 0.9
    assert link_in(postbox.last_to(email).get_content())


def test_a_mailbox_is_not_filled(mailing: RunningGateway, email: str, fresh: Name) -> None:
    with Browser(mailing) as browser:
        for _ in range(ASKS_OF_ADDRESS_MAX):
            assert browser.post(f"{SIGN_IN}/mail", data={"email": email}).status_code == 200
        refused = browser.post(f"{SIGN_IN}/mail", data={"email": email.upper()})
        assert refused.status_code == 429
        assert "try again in 15 minutes" in refused.text
        other = browser.post(f"{SIGN_IN}/mail", data={"email": f"{fresh()}@example.com"})
        assert other.status_code == 200, "others are not shut out"


def test_one_client_tries_few_addresses(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """IPv6 by its /64, which is what one has; and after a quarter of an hour it begins anew."""
    monkeypatch.undo()
    now = now_us()
    for number in range(ASKS_OF_CLIENT_MAX):
        ip = f"2001:db8::{number:x}"
        database.write_now(lambda conn, ip=ip: note_ask(conn, f"{ip}@x", ip, now))
    with pytest.raises(TooManyAttempts):
        database.write_now(lambda conn: note_ask(conn, "new@x", "2001:db8::ffff", now))
    database.write_now(lambda conn: note_ask(conn, "new@x", "2001:db8:1::1", now))
    database.write_now(lambda conn: note_ask(conn, "new@x", "192.0.2.1", now))
    database.write_now(lambda conn: note_ask(conn, "new@x", "", now))
    later = now + by_mail.WINDOW_US
    database.write_now(lambda conn: note_ask(conn, "new@x", "2001:db8::ffff", later))
    left = database.read_now(lambda conn: conn.exec_driver_sql("SELECT count(*) FROM sign_in_asks").scalar())
    assert left == 2, "what is over is gone"


def test_an_invitation_is_mailed(mailing: RunningGateway, postbox: Postbox, email: str, fresh: Name) -> None:
    account = fresh()
    mailing.account(account)
    owner = signed_in(mailing, f"owner-{email}", **{account: "owner"})
    members = f"/dashboard/accounts/{mailing.balance(account).account_id}/members"
    said = owner.fill(members, members, email=email, role="viewer").text
    assert "is a member now, and has mail" in said
    assert "/dashboard/link/" not in said, "it is theirs alone"
    mail = postbox.last_to(email)
    assert account in mail.get_content()
    link = link_in(mail.get_content())
    with Browser(mailing) as invited:
        assert invited.fill(link, link).status_code == 303
        assert account in invited.page("/dashboard")
    known = f"known-{email}"
    person(mailing, known)
    assert "has mail" in owner.fill(members, members, email=known, role="viewer").text
    assert "Sign in as always" in postbox.last_to(known).get_content()
    bad = owner.fill(members, members, email="a@b, c@d", role="viewer")
    assert bad.status_code == 400
    owner.close()


def test_nobody_writes_to_the_world_by_inviting_it(
    mailing: RunningGateway, email: str, fresh: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_mail, "INVITATIONS_MAX", 2)
    assert INVITATIONS_MAX > 2
    account = fresh()
    mailing.account(account)
    owner = signed_in(mailing, f"owner-{email}", **{account: "owner"})
    members = f"/dashboard/accounts/{mailing.balance(account).account_id}/members"
    statuses = [
        owner.fill(members, members, email=f"{number}-{email}", role="viewer").status_code
        for number in range(3)
    ]
    assert statuses == [200, 200, 429]
    assert f"2-{email}" not in owner.page(members)
    owner.close()


def test_without_mail_the_page_says_who_makes_links(gateway: RunningGateway, email: str) -> None:
    with Browser(gateway) as browser:
        page = browser.page(SIGN_IN)
        assert "formaction" not in page
        assert "people link" in page
        refused = browser.post(f"{SIGN_IN}/mail", data={"email": email})
        assert refused.status_code == 501
        assert "smtp_url" in refused.text


def test_a_new_password_ends_links_that_lie_in_a_mailbox(mailing: RunningGateway, email: str) -> None:
    lying = person(mailing, email, password=PASSWORD)
    with Browser(mailing) as browser:
        browser.sign_in(email)
        new = "another good long one"
        browser.fill("/dashboard/sessions", "/dashboard/password", password=new, again=new)
        assert browser.post(lying).status_code == 401
