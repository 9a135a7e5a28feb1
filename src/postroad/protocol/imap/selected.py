"""What is known of the mailbox that is selected. RFC 9051 §6.3.2, §7.4."""

from __future__ import annotations

from dataclasses import dataclass

from postroad.protocol.imap.response import Exists, Expunge, Flags, Untagged
from postroad.protocol.imap.status import NumberCode, PermanentFlagsCode, Status


@dataclass(slots=True)
class SelectedMailbox:
    """Filled by SELECT or EXAMINE, kept up to date by whatever the server tells later."""

    wire_name: bytes
    is_read_only: bool
    exists: int = 0
    uidvalidity: int | None = None  # None: UIDs do not outlive the session
    uidnext: int | None = None
    highestmodseq: int | None = None
    flags: tuple[str, ...] = ()
    permanent_flags: tuple[str, ...] | None = None  # None: all flags are. RFC 3501 §7.1

    def hear(self, response: Untagged | Status) -> None:
        """Take over what a response tells about this mailbox; others change nothing."""
        match response:
            case Exists(number):
                self.exists = number
            case Expunge():
                self.exists = max(0, self.exists - 1)
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
