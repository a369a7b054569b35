"""Somebody with a browser, played by an HTTP client that keeps cookies and fills in forms."""

import html
import re
from typing import Any

import httpx

from gateway.accounts.store import find_account
from gateway.kit.clock import now_us
from gateway.kit.db import WriteConn
from gateway.people import store
from gateway.people.roles import Role
from gateway.people.secrets import hash_password
from gateway.people.sign_in import add_person, new_link
from tests.fixtures.running import RunningGateway

PASSWORD = "correct horse battery"


class Browser(httpx.Client):
    """`fill` sends in the page's form as a person would: with the fields that it has, and those that are given."""

    def __init__(self, gateway: RunningGateway) -> None:
        super().__init__(base_url=gateway.url, trust_env=False, timeout=30)

    def __enter__(self) -> "Browser":
        """Also when it was used before, which httpx's own refuses."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def page(self, path: str) -> str:
        answer = self.get(path, follow_redirects=True)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[-600:])
        return answer.text

    def fill(self, page: str, action: str, **fields: str) -> httpx.Response:
        forms = re.findall(r"<form[^>]*>.*?</form>", self.page(page), re.DOTALL)
        [form] = [each for each in forms if f'action="{action}"' in each][:1]
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
        known = {name: html.unescape(value) for name, value in hidden}
        return self.post(action, data={**known, **fields}, headers={"origin": str(self.base_url).rstrip("/")})

    def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        return self.fill("/dashboard/sign-in", "/dashboard/sign-in", email=email, password=password)


def person(
    gateway: RunningGateway, email: str, *, operator: bool = False, password: str = "", **roles: Role
) -> str:
    """Makes somebody known, a member of these accounts, and returns the path of a link that signs them in."""

    def make(conn: WriteConn) -> str:
        now = now_us()
        made = add_person(conn, email, name="", is_operator=operator, now_us=now)
        if password:
            store.change_person(conn, made.id, password_hash=hash_password(password))
        for account, role in roles.items():
            store.join(conn, find_account(conn, account).id, made.id, role, now)
        return new_link(conn, made.id, now)

    return f"/dashboard/link/{gateway.database.write_now(make)}"


def signed_in(gateway: RunningGateway, email: str, **who: Any) -> Browser:
    """A browser of somebody new, in which they are signed in."""
    link = person(gateway, email, **who)
    browser = Browser(gateway)
    answer = browser.fill(link, link)
    assert answer.status_code == 303, answer.text
    return browser
