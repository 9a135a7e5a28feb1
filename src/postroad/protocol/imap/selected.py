"""What is known of the mailbox that is selected. RFC 9051 §6.3.2, §7.4."""

from __future__ import annotations

from dataclasses import dataclass, field

from postroad.protocol.imap.fetch import Fetched
from postroad.protocol.imap.numset import NONE, NumSet
from postroad.protocol.imap.response import Exists, Expunge, Flags, Untagged
from postroad.protocol.imap.status import NumberCode, OtherCode, PermanentFlagsCode, Status
from postroad.protocol.imap.vanished import Vanished


@dataclass(slots=True)
class SelectedMailbox:
    """Filled by SELECT or EXAMINE, kept up to date by whatever the server tells later."""

    wire_name: bytes
    is_read_only: bool
    exists: int = 0
    uidvalidity: int | None = None  # None: UIDs do not outlive the session
    uidnext: int | None = None
    highestmodseq: int | None = None  # None: the mailbox has none, or the server no CONDSTORE
    flags: tuple[str, ...] = ()
    permanent_flags: tuple[str, ...] | None = None  # None: all flags are. RFC 3501 §7.1
    mailbox_id: str | None = None  # RFC 8474
    selected_at: float | None = None  # by the clock of whoever selected it, if it has one
    # Whether SELECT told all that has changed since (QRESYNC); if not, the two are empty.
    is_resynced: bool = False
    vanished: NumSet = NONE  # UIDs that have gone meanwhile
    changed: list[Fetched] = field(default_factory=list)  # UID, FLAGS and MODSEQ of what changed

    def hear(self, response: Untagged | Status) -> None:
        """Take over what a response tells about this mailbox; others change nothing."""
        match response:
            case Exists(number):
                self.exists = number
            case Expunge():
                self.exists = max(0, self.exists - 1)
            case Vanished(uids, is_earlier=False):
                self.exists = max(0, self.exists - len(uids))
            case Status(code=OtherCode(name="MAILBOXID", argument=mailbox_id)):
                self.mailbox_id = mailbox_id
            case Status(code_name="NOMODSEQ"):
                self.highestmodseq = None
            case Flags(flags):
                self.flags = flags
            case Status(code=NumberCode(name="UIDVALIDITY", number=number)):
                self.uidvalidity = number or None
            case Status(code=NumberCode(name="UIDNEXT", number=number)):
                self.uidnext = number
            case Status(code=NumberCode(name="HIGHESTMODSEQ", number=number)):
                self.highestmodseq = number
            case Status(code=PermanentFlagsCode(flags)):
                self.permanent_flags = flags
            case Status(code_name="READ-ONLY"):
                self.is_read_only = True
            case _:
                pass

    def keeps(self, flag: str) -> bool:
        """Whether a flag set here outlives the session."""
        if self.permanent_flags is None:
            return True
        known = {one.lower() for one in self.permanent_flags}
        # "\*" lets keywords be made, never new system flags.
        return flag.lower() in known or ("\\*" in known and not flag.startswith("\\"))
