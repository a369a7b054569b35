"""Mails, handed to a real server: what arrives, what is tried again, what is said when nothing helps."""

import asyncio
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from gateway.app import mailer_of
from gateway.errors import BadRequest, MailNotSent, NotSetUp
from gateway.mail import Mail, Mailer
from gateway.mail.read_url import read_url
from gateway.mail.types import SmtpServer
from gateway.settings import Settings, SettingsError
from tests.fixtures.postbox import PASSWORD, USER, Postbox
from tests.fixtures.running import free_port

MAIL = Mail(to="ada@example.com", subject="Grüße", text="One line.\n.\nAnother, with a € sign.\n")
SENDER = "Tollway <tollway@example.org>"


@pytest.fixture(scope="module")
def _postbox() -> Iterator[Postbox]:
    with Postbox() as running:
        yield running


@pytest.fixture
def postbox(_postbox: Postbox) -> Postbox:
    _postbox.envelopes.clear()
    _postbox.answers.clear()
    return _postbox


def mailer(url: str, *, pauses_s: tuple[float, ...] = (0.01, 0.01)) -> Mailer:
    return Mailer(read_url(url), SENDER, pauses_s=pauses_s)


def test_a_mail_arrives_as_it_was_written(postbox: Postbox) -> None:
    asyncio.run(mailer(postbox.url).send(MAIL))
    [envelope], [arrived] = postbox.envelopes, postbox.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("tollway@example.org", ["ada@example.com"])
    assert (arrived["from"], arrived["to"], arrived["subject"]) == (SENDER, MAIL.to, MAIL.subject)
    assert arrived.get_content_type() == "text/plain"
    assert arrived.get_content().replace("\r\n", "\n") == MAIL.text
    assert arrived["message-id"].endswith("@example.org>")
    assert arrived["auto-submitted"] == "auto-generated"


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "ada@example.com\r\nBcc: eve@example.com"},
        {"to": "ada@example.com, eve@example.com"},
        {"to": "Ada <ada@example.com>"},
        {"to": "ada"},
        {"to": ""},
        {"to": "a" * 250 + "@example.com"},
        {"subject": "Hello\r\nBcc: eve@example.com"},
        {"subject": "Hello\u2028there"},
        {"subject": ""},
        {"subject": "x" * 201},
    ],
)
def test_nobody_else_is_written_to(changes: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        Mail(**{"to": "ada@example.com", "subject": "Hello", "text": "", **changes})


def test_the_text_cannot_begin_another_mail(postbox: Postbox) -> None:
    text = "Hello\r\n.\r\nMAIL FROM:<eve@example.com>\r\nRCPT TO:<eve@example.com>\r\nDATA\r\n"
    asyncio.run(mailer(postbox.url).send(Mail(to="ada@example.com", subject="s", text=text)))
    [arrived] = postbox.mails
    assert "MAIL FROM:<eve@example.com>" in arrived.get_content()


def test_it_signs_in(postbox: Postbox) -> None:
    there = f"{quote(USER)}:{quote(PASSWORD, safe='')}@127.0.0.1:{postbox.port}"
    asyncio.run(mailer(f"smtp://{there}").send(MAIL))
    assert postbox.signed_in[-1:] == [USER]
    with pytest.raises(MailNotSent, match="535") as refused:
        asyncio.run(mailer(f"smtp://{USER}:wrong@127.0.0.1:{postbox.port}").send(MAIL))
    assert "wrong" not in refused.value.message


def test_over_a_network_no_password_travels_in_the_clear(postbox: Postbox) -> None:
    """Somebody in between who takes STARTTLS out of the server's offers gets nothing."""
    assert read_url("smtp://u:p@mail.example.com").start_tls is True
    assert read_url("smtp://mail.example.com").start_tls is None
    stripped = SmtpServer(host="127.0.0.1", port=postbox.port, tls=False, start_tls=True, user=USER,
                          password=PASSWORD)  # fmt: skip
    before = len(postbox.signed_in)
    with pytest.raises(MailNotSent, match="STARTTLS"):
        asyncio.run(Mailer(stripped, SENDER, pauses_s=()).send(MAIL))
    assert (len(postbox.signed_in), postbox.envelopes) == (before, [])


def test_a_busy_server_is_asked_again(postbox: Postbox) -> None:
    postbox.answers.extend(["451 later", "421 later"])
    asyncio.run(mailer(postbox.url).send(MAIL))
    assert len(postbox.envelopes) == 1


def test_a_busy_server_is_not_asked_for_ever(postbox: Postbox) -> None:
    postbox.answers.extend(["451 later"] * 3)
    with pytest.raises(MailNotSent, match="451 later"):
        asyncio.run(mailer(postbox.url).send(MAIL))
    assert not postbox.answers
    assert not postbox.envelopes


def test_a_refusal_is_final(postbox: Postbox) -> None:
    postbox.answers.extend(["554 spam", "250 never asked"])
    with pytest.raises(MailNotSent, match=rf"127\.0\.0\.1:{postbox.port} did not take it: 554 spam"):
        asyncio.run(mailer(postbox.url).send(MAIL))
    assert len(postbox.answers) == 1


def test_send_soon_does_not_wait_and_is_not_lost_at_the_end(postbox: Postbox) -> None:
    async def send() -> float:
        postbox.answers.append("451 later")
        opened = mailer(postbox.url, pauses_s=(0.2,))
        begun = time.monotonic()
        opened.send_soon(MAIL)
        took = time.monotonic() - begun
        await opened.close()
        return took

    assert asyncio.run(send()) < 0.1
    assert len(postbox.envelopes) == 1


def test_what_could_not_be_sent_is_in_the_log_without_its_text() -> None:
    async def send() -> None:
        nobody = mailer(f"smtp://127.0.0.1:{free_port()}")
        nobody.send_soon(MAIL)
        await nobody.close()

    with capture_logs() as lines:
        asyncio.run(send())
    [line] = lines
    assert line["event"] == "mail_not_sent"
    assert "ada" not in str(line)
    assert "One line" not in str(line)


def test_without_a_server_it_says_so() -> None:
    silent = mailer_of(Settings())
    assert not silent.is_set_up
    for attempt in (silent.send(MAIL), silent.check()):
        with pytest.raises(NotSetUp, match="smtp_url"):
            asyncio.run(attempt)
    with pytest.raises(NotSetUp, match="smtp_url"):
        silent.send_soon(MAIL)


def test_a_check_sends_nothing(postbox: Postbox) -> None:
    asyncio.run(mailer(postbox.url).check())
    assert not postbox.envelopes
    with pytest.raises(MailNotSent):
        asyncio.run(mailer(f"smtp://127.0.0.1:{free_port()}").check())


@pytest.mark.parametrize(
    "url", ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://u@h", "smtp://u:sesame/x@h:25",
            "smtp://u:sesame@h:99999", "smtp://u:sesame@h/path"],
)  # fmt: skip
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(SettingsError, match="smtp_url") as refused:
        mailer_of(Settings(smtp_url=url, mail_from=SENDER, public_url="https://x.example"))
    assert "sesame" not in str(refused.value)


def test_what_belongs_together() -> None:
    assert read_url("smtps://u:a%2Fb@h") == SmtpServer(
        host="h", port=465, tls=True, start_tls=False, user="u", password="a/b"
    )
    assert "a/b" not in repr(read_url("smtps://u:a%2Fb@h"))
    for incomplete in (
        {"mail_from": SENDER},
        {"public_url": "https://x.example"},
        {"mail_from": "nobody", "public_url": "https://x.example"},
        {"mail_from": "a@b\nBcc: c@d", "public_url": "https://x.example"},
        {"mail_from": SENDER, "public_url": "https://x.example/path"},
        {"mail_from": SENDER, "public_url": "javascript:alert(1)"},
    ):
        with pytest.raises(ValueError, match=r"mail_from|public_url"):
            Settings(smtp_url="smtp://h", **incomplete)


def test_certificates_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with a certificate of its own making is one only for whoever was told to trust that."""
    context, certificate = self_made("localhost", tmp_path)
    with Postbox(ssl_context=context) as postbox:
        there = mailer(f"smtps://localhost:{postbox.port}", pauses_s=())
        with pytest.raises(MailNotSent, match="certificate"):
            asyncio.run(there.send(MAIL))
        assert not postbox.envelopes
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        asyncio.run(there.send(MAIL))
        assert len(postbox.envelopes) == 1


def self_made(host: str, folder: Path) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(1),
                                now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, SHA256())
    )  # fmt: skip
    file = folder / "both.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context, file
