"""Who writes: the outer signs of a mail that tell a mail system from a person.

Nothing here decides alone. :mod:`.reader` weighs these signs against what the text holds, because
people quote bounces and swindlers imitate them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postroad.protocol.mime.addresses import addresses
from postroad.protocol.mime.headers import Headers
from postroad.protocol.mime.words import decode_words
from postroad.protocol.report.accents import Pattern

# Local parts under which mail systems write.
_DAEMON_LOCAL = re.compile(
    r"^(?:mailer[-_.]?daemon|mail[-_.]?daemon|post[-_.]?masters?|mdaemon|maildaemon"
    r"|mail-?system|mailsystem"
    r"|mail[-_.]?delivery|delivery|bounces?|ndr|mmdf|mailserver|mta|smtp(?:-daemon)?|daemon"
    r"|mail-?er|undeliverable|emsmta|majordomo-owner|isp-mailer|no-?reply-ndr|mail_error"
    r"|dsn|microsoftexchange[0-9a-f]+|postmaster[-_+.].*|mailer[-_]?daemon[-_+.=].*"
    r"|(?:e?mail|smtp|message)[-_.]?(?:gateway|gate|router|agent|service|transport|relay|errors?)"
    r"|.*smtp[-_]mail[-_]service.*|lsmtp|smtprs|gwia|returned?[-_.]?mail|undelivered(?:[-_.]?mail)?"
    r"|smtp[_-].*gateway.*"
    r"|.*antivirus.*gateway.*)$",
    re.I,
)
_DAEMON_NAME = re.compile(
    r"mail(?:er)?[- ]?delivery (?:sub|service|system)|mail delivery (?:sub)?system"
    r"|mailer[- ]?daemon"
    r"|mail deliver(?:y|er)|internet mail delivery|ndr administrator|system administrator"
    r"|microsoft (?:outlook|exchange)|post ?master|mail (?:system|administrator|server|router)"
    r"|delivery (?:system|subsystem|service)|e-?mail system|jetmail|interscan|mailmarshal"
    r"|systemadministrator|administrador del sistema|administrateur syst|amministratore"
    r"|zustell(?:system|dienst|ung)|(?:sous-)?syst[eè]me de (?:remise|messagerie|courrier)"
    r"|(?:sub)?sistema de (?:entrega|correo|mensajer|e-?mail)|sistema di posta|почтов"
    r"|메일 ?(?:시스템|서버|관리자)|郵件系統|системн|邮件系统|系统退信|系統|メール",
    re.I,
)
_FAILURE_SUBJECT = Pattern(
    r"(?:mail|message)s? bounced|mail failure\b|could ?n[o']t (?:be )?(?:send|sent) "
    r"|nachricht .{0,40}verzögert"
    r"|error de entrega|fallo de entrega|erro (?:na|de) entrega|errore di (?:consegna|recapito)"
    r"|leverans(?:fel|en misslyck)|leverings?(?:fejl|feil)|błąd dostarcz|nie została dostarcz"
    r"|bezorgfout|לא נמסר|không (?:thể )?gửi|ไม่สามารถส่ง|tidak (?:ter|dapat di)kirim|"
    r"error sending|undeliver|un-?deliver|deliver\w* (?:status )?(?:notif|fail|problem"
    r"|error|report|warning|delay"
    r"|unsuccess)|delivery has failed|(?:fail|fehl|error|problem|unable|could ?n[o']t"
    r"|cannot|can't|not)"
    r"\w*\b.{0,30}deliver|return(?:ed|ing) (?:mail|e-?mail|message|to sender)"
    r"|mail (?:system )?error"
    r"|failure notice|failed delivery|bounced? (?:mail|message)|mail failed"
    r"|message (?:delayed|status)"
    r"|delayed|remise diff|recapito ritard|entrega atras|bezorging vertr|leverans försen"
    r"|(?:配信|送信|配達)の?遅延|传递延迟|傳遞延遲|entrega retras|доставка (?:отлож|задерж)"
    r"|rejected|nondeliver|non[- ]deliver|user unknown|unknown user"
    r"|mailbox (?:full|unavailable)"
    r"|(?:mail|message) (?:could )?not be|(?:warning|permanent"
    r"|temporary).{0,30}(?:deliver|fail|error)"
    r"|unzustell|nicht zustell|nicht zugestellt|zustell.{0,25}(?:fehl|verz|nicht)|fehlgeschlagen"
    r"|retour|rücksend|non remis|non distribu|non[- ]remise|[ée]chec|remise retard"
    r"|n[’']a pas (?:pu|été)"
    r"|no se (?:puede|ha podido|pudo|entreg)|no (?:se )?entreg|devuelto"
    r"|fallo|error en (?:la|el)"
    r"|não (?:foi|pôde|pode|entreg)|falha|devolvid|mancata consegna|non recapit"
    r"|non consegn|impossibile"
    r"|onbestelbaar|niet (?:af|be)|kan inte levereras|olevererbart|ikke leveres|kan ikke"
    r"|не ?доставл|недоставл|невозможно|не может быть|возврат|ошибка доставки|сбой доставки"
    r"|nie dostarczon|niedostarcz|doručen|nedoručen|kézbesít|teslim|gönderil"
    r"|配信(?:不能|エラー|でき|失敗|遅延)|配達(?:できません|不能|失敗)"
    r"|送信(?:エラー|でき|失敗)|返送|返信エラー|エラーメール|届け"
    r"|退信|退回|投递失败|投遞失敗|无法投递|無法|未能送达|未能送達|发送失败|傳遞|传递"
    r"|반송|배달|전송 ?실패|발송 ?실패|수신 ?실패|bezorging|bezorgd|leveransstatus|misslyck"
    r"|mislukt"
    r"|levere|afleveret|toimit|palautettu|dostarczen|zwrot|doruč|vráceno|kézbesít|visszaküld"
    r"|teslimat|iletilem|nelivrat|dostav|isporuč|παράδοσ|недостав|не може бути|повернен"
    r"|無法(?:傳遞|投遞)|未送達|无法送达|送信できません|配送でき|未配信",
)
# fml writes from the list's own "-admin" address.
_FML_SUBJECT = re.compile(
    r"not member|duplicated message-id|fml system error|loop (?:alert|back)|reject mail"
    r"|spam mail from a spammer|security alert",
    re.I,
)
_REPLY_SUBJECT = re.compile(
    r"^\s*(?:re|fwd?|aw|wg|sv|rv|tr|antw|vs|i|r)\s*(?:\[\d+\])?\s*[:：]", re.I
)
_NULL_PATH = re.compile(
    r"^\s*(?:<\s*>|<?mailer-daemon(?:@\S*)?>?|<?postmaster@[^\s]*>?|<?#@\[\]>?)\s*$", re.I
)


@dataclass(frozen=True, slots=True)
class Signs:
    """The outer signs of one mail."""

    sender: str  # address in From, lower case; empty when there is none
    subject: str  # decoded
    is_daemon: bool  # From names a mail system, by its address or its name
    is_daemon_address: bool  # by its address; names are easily borrowed
    has_null_path: bool  # the envelope sender is empty, or a mail system's
    is_auto_submitted: bool  # RFC 3834 §5, with any value but "no"
    has_failed_header: bool  # X-Failed-Recipients and its like
    is_failure_subject: bool
    is_reply_subject: bool  # Re:, Fwd: and their like
    is_reply: bool  # a person's answer, by its fields
    own_addresses: frozenset[str]  # To and Cc of the report itself, lower case

    @property
    def is_of_machine(self) -> bool:
        """Whether a sign is there that people's mails do not bear."""
        return self.is_daemon or self.has_null_path or self.has_failed_header or not self.sender

    @property
    def weight(self) -> int:
        """How much speaks for a mail system's report, before its text is read."""
        weight = 2 * self.is_daemon + self.is_daemon_address
        weight += self.has_null_path + self.is_auto_submitted
        weight += 3 * self.has_failed_header + 2 * self.is_failure_subject
        return weight - 3 * (self.is_reply_subject and not self.is_daemon)


def read_signs(headers: Headers) -> Signs:
    """Collect the signs; header fields only."""
    raw_from = headers.raw("From") or ""
    writers = addresses(raw_from)
    sender = writers[0].address.lower() if writers else ""
    name = writers[0].name if writers else decode_words(raw_from)
    local = sender.partition("@")[0] or raw_from.strip(" <>\"'").partition("@")[0]
    subject = (headers.get("Subject") or "")[:1000]
    auto = (headers.raw("Auto-Submitted") or "").strip().lower()
    paths = headers.raw_all("Return-Path")
    is_daemon_address = bool(_DAEMON_LOCAL.match(local.strip("\\\"' "))) or bool(
        not sender and re.search(r"<\s*>", raw_from)
    )
    own = (a.address.lower() for field in ("To", "Cc") for a in headers.addresses(field)[:50])
    return Signs(
        sender=sender,
        subject=subject,
        is_daemon=is_daemon_address
        or ("x-mlserver" in headers and bool(_FML_SUBJECT.search(subject)))
        or bool(_DAEMON_NAME.search(name) and not _REPLY_SUBJECT.match(subject)),
        is_daemon_address=is_daemon_address,
        has_null_path=any(_NULL_PATH.match(path) for path in paths),
        is_auto_submitted=bool(auto) and not auto.startswith("no"),
        has_failed_header="x-failed-recipients" in headers,
        is_failure_subject=bool(_FAILURE_SUBJECT.search(subject)),
        is_reply_subject=bool(_REPLY_SUBJECT.match(subject)),
        is_reply="in-reply-to" in headers or "references" in headers,
        own_addresses=frozenset(own),
    )
