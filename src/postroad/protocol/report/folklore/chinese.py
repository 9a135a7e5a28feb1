"""163, 126, QQ, Sina and Aliyun: bilingual pages, the recipient behind a label, the reply behind
another.
"""

from __future__ import annotations

import re

from postroad.protocol.report.addressing import ADDRESS, tidy
from postroad.protocol.report.folklore.finding import Dialect, Finding, Text

_MARKS = re.compile(r"退信|退回|投递|投遞|收件人|无法(?:投递|送达|发送)|发送失败|傳送失敗")
_TO = re.compile(
    rf"(?:收件人(?:邮箱|地址|信箱)?|收信人|目标地址|发往|邮箱地址"
    rf"|无法(?:发送|送达|投递)到?|發往|To)[ \t]*(?:[:：为是到]"
    rf"|\n)?\s*[<“\"（(\[]{{0,2}}({ADDRESS.pattern})"
)
_WHY = re.compile(
    r"(?:退信原因|失败原因|原因|退信说明|错误(?:信息|代码|提示)|失敗原因|Reason"
    r"|Error)[ \t]*[:：为是]?\s*([^\n]{3,1000})",
    re.I,
)
_REPLY = re.compile(
    r"(?:SMTP error|host|said|smtp)[^\n]{0,120}[ :,]([45]\d\d[ \-:,][^\n]{3,1000})", re.I
)


def _claims(text: Text) -> bool:
    return bool(_MARKS.search(text.words[:6000]))


def _read(text: Text) -> list[Finding]:
    names = [tidy(name) for name in _TO.findall(text.words)]
    reply, why = _REPLY.search(text.words), _WHY.search(text.words)
    said = " ".join(found[1].strip() for found in (reply, why) if found)
    return [Finding(name, said) for name in dict.fromkeys(names) if name]


DIALECT = Dialect("chinese", _claims, _read)
