"""Handing mails over: one connection each, with deadlines, and again if the server was only busy or away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from ssl import SSLError

from aiosmtplib import SMTP, SMTPException, SMTPNotSupported, SMTPRecipientsRefused, SMTPResponseException

from gateway.errors import MailNotSent, NotSetUp, TollwayError
from gateway.kit.log import logger
from gateway.mail.types import Mail, SmtpServer

Writing = Callable[[], Awaitable[Mail | None]]

STEP_S_MAX = 10.0
"""For the server to say something."""
ATTEMPT_S_MAX = 30.0
PAUSES_S = (1.0, 5.0, 20.0)
"""Before the second attempt, the third, the fourth and last."""
CONNECTIONS_MAX = 4
WAITING_MAX = 500
"""How many mails of `send_soon` may be under way in a process."""
CLOSE_S_MAX = 5.0


class Mailer:
    """Sends mails, and owns the tasks of those that are on their way: all are ended with the application."""

    def __init__(
        self, server: SmtpServer | None, sender: str, *, pauses_s: tuple[float, ...] = PAUSES_S
    ) -> None:
        """`server` None: mail is not set up.  `sender`: an address, or `Name <address>`."""
        self._server = server
        self._sender = sender
        self._pauses_s = pauses_s
        self._free = asyncio.Semaphore(CONNECTIONS_MAX)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_set_up(self) -> bool:
        return self._server is not None

    async def send(self, mail: Mail) -> None:
        """Returns when the server took it.  May take a minute or two where the server does not answer.

        Raises:
            NotSetUp: there is no `smtp_url`.
            MailNotSent: the server refused it, or was away each time; the message says what it said.
        """
        server, message = self._required(), self._written(mail)
        for pause_s in (*self._pauses_s, None):
            try:
                async with self._free, asyncio.timeout(ATTEMPT_S_MAX), _connected(server) as smtp:
                    await smtp.send_message(message, recipients=[mail.to])
            except (SMTPException, OSError, TimeoutError) as error:
                if pause_s is None or _is_final(error):
                    raise MailNotSent(_why(server, error)) from error
            else:
                return
            await asyncio.sleep(pause_s)

    def send_soon(self, mail: Mail | Writing) -> None:
        """Returns at once, whatever the server does; what cannot be sent in the end is written to the log.

        Instead of a mail, what writes it then, or decides that there is none to send (None).

        Raises:
            NotSetUp: there is no `smtp_url`.
        """
        self._required()
        if len(self._tasks) >= WAITING_MAX:
            logger().error("mail_not_sent", why=f"{WAITING_MAX} mails are waiting")
            return
        task = asyncio.create_task(self._sent_or_logged(mail))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def check(self) -> None:
        """Connects and signs in, and sends nothing.

        Raises:
            NotSetUp: there is no `smtp_url`.
            MailNotSent: says what is wrong.
        """
        server = self._required()
        try:
            async with asyncio.timeout(ATTEMPT_S_MAX), _connected(server) as smtp:
                await smtp.noop()
        except (SMTPException, OSError, TimeoutError) as error:
            raise MailNotSent(_why(server, error)) from error

    async def close(self) -> None:
        """Gives what is on its way a few seconds."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_S_MAX)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _sent_or_logged(self, mail: Mail | Writing) -> None:
        """The log has no text of it: there may be a secret in it."""
        try:
            written = mail if isinstance(mail, Mail) else await mail()
            if written is not None:
                await self.send(written)
        except TollwayError as error:
            logger().error("mail_not_sent", why=error.message)
        except asyncio.CancelledError:
            logger().error("mail_not_sent", why="the gateway was stopped")
            raise
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: the log is where it is told
            logger().exception("mail_not_sent", why="our bug", exc_info=error)

    def _required(self) -> SmtpServer:
        if self._server is None:
            raise NotSetUp("this gateway sends no mail: its setting `smtp_url` is empty", param="smtp_url")
        return self._server

    def _written(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, mail.to, mail.subject
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = make_msgid(domain=parseaddr(self._sender)[1].rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine answers
        message.set_content(mail.text)
        return message


@contextlib.asynccontextmanager
async def _connected(server: SmtpServer) -> AsyncIterator[SMTP]:
    smtp = SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user or None,
        password=server.password or None,
        use_tls=server.tls,
        start_tls=server.start_tls,
        timeout=STEP_S_MAX,
    )
    async with smtp:
        yield smtp


def _is_final(error: Exception) -> bool:
    """SMTP's own rule: 5xx says that asking again is no use, 4xx that it may be."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(each.code >= 500 for each in error.recipients)
    if isinstance(error, SMTPResponseException):
        return error.code >= 500
    return isinstance(error, SMTPNotSupported | SSLError)


def _why(server: SmtpServer, error: Exception) -> str:
    if isinstance(error, SMTPRecipientsRefused):
        error = error.recipients[0]
    said = f"{error.code} {error.message}" if isinstance(error, SMTPResponseException) else str(error)
    where = f"{server.host}:{server.port}"
    return f"{where} did not take it: {' '.join(said.split())[:200] or type(error).__name__}"
