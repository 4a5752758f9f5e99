"""The demo's week as a mail to the site's owner.

    python3 -m demo.report      from the folder tests, addresses in the environment

The week of a report is over when it is sent, and the demo's visits are of now:
so the owner's subscription is told those seven days that end with today, as
`pawprint report send-test --from --to` does. Beside the mail in the mailbox its
HTML is kept as report.html, and as a picture where there is a browser.
"""
import base64
import datetime
import email
import email.policy
import os
import pathlib
import time

from kit import browser, stack

SITE = os.environ["PAWPRINT_DEMO_SITE"]
OWNER = "demo@example.com"


def subscription():
    """Of the owner, who needs not be asked; made once."""
    for one in stack.pawprint("report", "list", "--site", SITE):
        if one["recipient"] == OWNER and one["every"] == "week":
            return str(one["subscription"])
    made = stack.pawprint("report", "subscribe", SITE, "--to", OWNER,
                          "--every", "week")
    return str(made["subscription"])


def received(since):
    """The mail to the owner that came after those that were there."""
    for path in pathlib.Path(stack.address("PAWPRINT_STACK_MAIL")).glob(
            "*.eml"):
        if path.name in since:
            continue
        mail = email.message_from_bytes(path.read_bytes(),
                                        policy=email.policy.default)
        if mail["X-Envelope-To"] == OWNER:
            return path, mail
    return None


def keep_picture(html):
    """As a mail program shows it, whole."""
    picture = html.with_suffix(".png")
    with browser.Browser() as window:
        window.prefer("light")
        window.be_a_phone(600, 800)
        window.open(html.as_uri())
        window.be_a_phone(600, window.run(
            "return document.documentElement.scrollHeight"))
        picture.write_bytes(base64.b64decode(window.picture()))
    return picture


def main():
    box = pathlib.Path(stack.address("PAWPRINT_STACK_MAIL"))
    since = {path.name for path in box.glob("*.eml")}
    today = datetime.datetime.now(datetime.timezone.utc).date()
    first = today - datetime.timedelta(days=6)
    began = time.monotonic()
    stack.pawprint("report", "send-test", subscription(), "--from", str(first),
                   "--to", str(today + datetime.timedelta(days=1)))
    path, mail = stack.until("the report has come", lambda: received(since))
    print(f"{time.monotonic() - began:.1f} s later in the mailbox:\n\n"
          f"    To: {mail['To']}\n    Subject: {mail['Subject']}\n")
    text = mail.get_body(("plain",)).get_content().splitlines()
    print("\n".join("    " + line for line in text[:16]).rstrip() + "\n")
    html = stack.folder() / "report.html"
    html.write_text(mail.get_body(("html",)).get_content(), encoding="utf-8")
    print(f"the whole mail: {path}\nits HTML: {html}")
    if not browser.missing():
        print(f"as a picture: {keep_picture(html)}")


main()
