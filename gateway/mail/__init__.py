"""Letters to people: plain text over SMTP, to whatever server the setting `smtp_url` names.

`Mailer.send(mail)` returns when that server took the mail; `Mailer.send_soon(mail)` returns at once, for answers that
must neither wait for a mail nor tell by their time that one was sent.

Failure mode: open, and said.  A server that is away is asked again a few times, some half a minute in all; then
`send` raises MailNotSent and `send_soon` writes it to the log.  What waits to be sent is in memory, so a process that
dies loses it: a mail is never the only place where something stands.  A server that took a mail and broke before it
said so gets the mail again, with the same Message-ID.
"""

from gateway.mail.send import Mailer
from gateway.mail.types import Mail

__all__ = ["Mail", "Mailer"]
