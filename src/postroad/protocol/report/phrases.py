"""Sentences of failure and delay in the languages that mail systems speak, and those of mails that
only look like bounces.
"""

from __future__ import annotations

import re

from postroad.protocol.report.accents import Pattern

MAX_WORDS = 8000  # characters; a report says at once what it is

_FAILURE = Pattern(
    r"届け(?:る)?ことができ|お届けでき|届きません|gick inte att (?:leverera|skicka|sända)"
    r"|сбой (?:при )?достав"
    r"|dostarcz\w+ .{0,60}nie powiod|doruč\w+ .{0,60}nezdařilo|teslim\w* (?:\w+ )?başarısız"
    r"|未能(?:向|将|发送|發送|传递|傳遞)|無法(?:將|向)|לא (?:נמסר|ניתן)"
    r"|không (?:thể )?(?:gửi|chuyển)|ไม่สามารถส่ง|tidak (?:dapat|bisa|ter)(?: di)?kirim|"
    r"no delivery could be attempted|incorrectly constructed|deliver\w* .{0,60}postponed"
    r"|(?:could|can|was|were|is|are|be|has|have|did|does)(?:n['’]t| ?not) (?:yet )?(?:be |been )?"
    r"(?:permanently |successfully )?(?:deliver|reach)"
    r"|(?:cannot|can't|couldn't|unable to|failed to|not able to|wasn't able to"
    r"|not possible to) (?:be )?(?:send|deliver|forward|relay|transmit|process)"
    r"|undeliver|not (?:be |been |yet been )?(?:deliver|sent|reach)|non-?deliver"
    r"|deliver\w* (?:\w+ ){0,5}(?:fail|error|problem|delay|abort|unsuccess"
    r"|not possible|attempts|to .{0,80}(?:fail|delay))"
    r"|failed (?:permanently|recipient|address|to reach|delivery)"
    r"|following address(?:es)?(?:\(es\))?,? (?:had(?! success)|have|fail|did|could|were)"
    r"|(?:permanent|fatal|transient) (?:fatal |non-fatal )?(?:error|failure)"
    r"|returned (?:to sender|mail|message|unopened|to you)|(?:message|mail"
    r"|e-?mail) (?:\w+ ){0,4}(?:bounced|rejected|returned|delayed|postponed|refused"
    r"|blocked|failed|not sent|discarded|deferred)"
    r"|user unknown|unknown user|unknown recipient|no such (?:user|recipient|mailbox"
    r"|address|domain|host)|mailbox (?:is )?(?:full|unavailable|not found|disabled)"
    r"|over quota|mail ?box (?:size|limit|exceed)|unknown host|host unknown"
    r"|invalid (?:recipient|address|user)"
    r"|(?:does not|doesn't|did not) (?:exist|reach|have an? .{0,30}account)"
    r"|(?:rejected|refused) (?:your message|by|the)|had (?:a )?(?:trouble"
    r"|problem)\w* (?:in )?deliver|not (?:a )?(?:known|valid|listed)"
    r"|exceeds allowed size|error (?:has )?occurred while (?:trying|attempting)"
    r"|remote host said|not transferred|account is (?:disabled|full|over|temporarily)"
    r"|no longer valid"
    r"|nicht (?:zugestellt|zustellbar|ausgeliefert|übermittelt|zustellen|erreicht"
    r"|an .{0,80}(?:zugestellt|gesendet))|unzustellbar"
    r"|zustellung .{0,60}(?:fehlgeschlagen|nicht|verzögert)|fehler bei der"
    r"|n[’']a (?:pas )?(?:encore )?(?:pu |été )?(?:être )?(?:remis|distribu|délivr|livr|envoy)"
    r"|pas (?:pu |été )?(?:être )?(?:remis|distribu|délivr|livr|envoyé|acheminé)"
    r"|non (?:remis|distribu|délivr)|[ée]chec (?:de|lors)|impossible de (?:remettre"
    r"|livrer|délivrer|distribuer|transmettre)|n[’']existe pas"
    r"|no (?:se )?(?:ha |pudo |puede |pudimos |fue )?(?:podido "
    r"|posible )?(?:ser )?(?:entreg|envi)|no (?:ha )?(?:sido|pudo ser) entregad"
    r"|error (?:de|en la|al) entreg|imposible entregar|não (?:pôde |pode "
    r"|foi )?(?:ser )?(?:entreg|enviad|possível)|nao (?:pode|foi) ser|falha (?:na"
    r"|de) entrega"
    r"|(?:non|impossibile) .{0,40}(?:consegn|recapit|invi)|mancata consegna"
    r"|kon (?:niet|geen)|niet (?:worden )?(?:bezorgd|afgeleverd|besteld)|kunde inte"
    r"|kan ikke|ei voitu|nie (?:mog|został|dostar)|nelze doručit|nebyl[ao]? doručen"
    r"|не (?:было |был[ао]? |может быть |удалось |смогл\w+ |может )?(?:доставл|достав"
    r"|отправ)|недоставлен|невозможно достав|ошибка (?:при )?(?:доставк|отправк)"
    r"|не существует|возвращен"
    r"|(?:配信|配達|送信|送達|お届け).{0,20}(?:されていません|遅延|できません|できなかった|でき(?:ず|な)|失敗"
    r"|されません|不能|エラー)|届(?:き"
    r"|け)(?:ません|られません)|見つかりません|エラーが発生|受信(?:を)?拒否|返送"
    r"|bezorg\w+ .{0,80}(?:mislukt|niet gelukt|onmogelijk)|niet (?:bij|aan) .{0,60}(?:bezorgd"
    r"|afgeleverd)"
    r"|leverans\w* .{0,80}misslyck|(?:inte|ikke) (?:kunnat |kunne )?(?:lever|bli levert|afleveres)"
    r"|(?:kunne|kan|kunde|blev) (?:ikke|inte) (?:lever|bli|blive|afleveres|sändas|skickas)"
    r"|(?:ei|eikä) (?:voitu|voida|pystytty) (?:toimitta|lähettä)|toimitus .{0,40}epäonnistu"
    r"|ne?(?:lze|bylo možné|podařilo).{0,60}doruč|nedoruč|nepodarilo .{0,60}doruči"
    r"|nem (?:sikerült|lehetett|tudtuk) .{0,40}(?:kézbesít|továbbít)|kézbesíthetetlen"
    r"|(?:teslim|iletil|gönderil)\w*(?:emedi|ememi|emiyor|edilemedi|edilememi)|teslim edilem"
    r"|nie (?:można|udało się|mogła|mógł) .{0,40}(?:dostarcz|doręcz|przesłać|wysłać)"
    r"|не удал\w+ .{0,40}(?:достав|отправ)|не може бути достав|nu a putut fi (?:livrat|trimis)"
    r"|nije (?:moguće|bilo moguće|mogla biti) .{0,30}(?:dostav|isporuč)|δεν (?:ήταν δυνατή"
    r"|παραδόθηκε)"
    r"|(?:발송|전송|배달|전달|수신)\S{0,4} ?(?:되지|하지|할 수|에 ?실패|실패|못)|送達できません"
    r"|無法(?:寄送|傳遞)"
    r"|不能(?:投递|投遞|送达|送達)|无法(?:送达|寄送|传递|发至)"
    r"|退信|被退回|投递失败|投遞失敗|无法(?:投递|送达|发送|到达)|無法(?:投遞|送達|傳送)"
    r"|未能(?:送达|投递)|发送失败|不存在|배달(?:되지"
    r"|할 수)|전송(?:되지|할 수|에 실패)|반송",
)
_DELAY = Pattern(
    r"(?:i'll|we'll|will) keep trying|(?:not|n't) (?:yet )?been deliver\w* [^\n]{0,40}\byet\b"
    r"|n't been able to deliver [^.]{0,80}\byet\b"
    r"|diff[ée]r[ée]e|pas encore été|continuera à essayer|in ritardo|ritardat|non è ancora stat"
    r"|atrasad|ainda não foi|vertraagd|nog niet bezorgd|försenad|ännu inte"
    r"|inte [^.]{0,40}ännu|forsinket|(?:ennå|endnu) ikke"
    r"|viivästy|opóźnion|jeszcze (?:nie )?(?:została )?dostarcz|zpožděn|opožděn|késleltet|gecik"
    r"|ertelend|затриман|まだ(?:配信|送信)|尚未送达|尚未送達|将继续|將繼續|延遲|지연"
    r"|warning message only|this is a warning|(?:is|are) delayed (?:for|since|by)"
    r"|temporary failure report|not yet been delivered|has been delayed"
    r"|(?:have|is|was|been|delivery) (?:been )?(?:delayed|postponed|deferred)"
    r"|will (?:be retried|continue to (?:try|be|attempt)|keep trying|retry"
    r"|be re-?attempted|try again)|delivery attempts will"
    r"|attempts? (?:to deliver )?will (?:be|continue)|still (?:being retried|trying"
    r"|attempt)|do not need to resend|temporary (?:problem|failure|error) (?:deliver"
    r"|while|prevent)|advisory[- ]only|retried until"
    r"|wird .{0,30}(?:weiter versucht|erneut versucht)|verzögert|sera (?:de nouveau"
    r"|réessay)|retard[ée]e?\b|se (?:seguirá|continuará|volverá a) intent|retrasad"
    r"|будут продолжены|задерж|отложен|遅延|再送を|再试|重试|延迟",
)
_FINAL = re.compile(
    r"given up|giving up|gave up|permanent (?:error|fail|fatal)|failed permanently"
    r"|no (?:further|more) (?:attempt|action|deliver|tries)|will not (?:be )?(?:retr|attempt|try)"
    r"|not going to try again|too long|expired|is being returned|has been returned"
    r"|retry time(?:out)? (?:not reached|exceeded)|could not be delivered (?:within"
    r"|for \d+ days)|removed from (?:the )?(?:mail )?queue|nicht (?:mehr )?versucht",
    re.I,
)
_DELAY_SUBJECT = re.compile(
    r"diff[ée]r|ritard|atrasad|vertraagd|försen|forsink|viiväst|opóźnio|zpožd|opožd|gecik"
    r"|delay|warning|deferred|postponed|still being|verzög|retard|retras|задерж|отлож"
    r"|遅延|延迟",
    re.I,
)

# Lists, challenges, parcels, invoices, and the bait of swindlers.
_NO_BOUNCE = re.compile(
    r"(?:sign|log) ?in (?:to|here)\b|"
    r"(?:awaits?|held|being held|is being held) .{0,40}(?:approval|moderat|review)"
    r"|moderator|post by non-member|not (?:allowed|authorized|permitted) to post"
    r"|(?:must be|you are not) (?:a )?(?:subscribed|subscriber|member)"
    r"|subscribers? (?:are allowed|may|can) post"
    r"|(?:confirm|verify|prove) (?:that )?(?:you(?:r| are)|this message|delivery"
    r"|yourself|the message)|(?:click|follow) (?:on )?(?:the )?(?:link|button|here"
    r"|below) .{0,60}(?:confirm|verif|deliver|authenticat|release|approve)|challenge"
    r"|tmda|spamarrest|boxbe|one[- ]time (?:verification|confirmation)"
    r"|anti-?spam .{0,40}confirm|release (?:the |your |these |pending "
    r"|all )*(?:messages?|mails?|e-?mails?)"
    r"|(?:your|mailbox|e-?mail) (?:\w+ ){0,3}(?:password|storage) .{0,60}(?:expire"
    r"|upgrade|click|verify|log ?in)|\bparcel\b|shipment|courier|tracking (?:number"
    r"|code|id)|sendung|paket\b|colis\b|pending (?:messages?|mails?)|quarantin"
    r"|(?:message|mail) (?:has been|was) (?:successfully )?(?:delivered|relayed"
    r"|received) (?:successfully|to the following)|successfully (?:delivered|relayed"
    r"|sent)|return receipt|read receipt|was (?:read|displayed|opened) on|(?:dmarc|tls"
    r"|aggregate|daily|weekly|monthly) (?:aggregate |summary )?report|report domain:"
    r"|statistics",
    re.I,
)


_SUCCESS = re.compile(
    r"(?:message|mail|it) (?:has been|was) (?:successfully )?(?:delivered|relayed)"
    r"|successful(?:ly)?"
    r" (?:mail |delivered|relayed|delivery)|^(?:delivered|relayed|return receipt)\b"
    r"|delivery (?:notification|report"
    r"|status):? (?:was )?success"
    r"|erfolgreich zugestellt|wurde (?:an .{1,80} )?(?:erfolgreich )?(?:zugestellt|übermittelt)"
    r"|a été remis|se ha entregado|доставлено|配信されました|已送达",
    re.I,
)


_SUMMARY = re.compile(
    r"\b(?:summary|statistics|digest|overview|log ?watch|mail ?log|daily|weekly|monthly|cron"
    r"|zusammenfassung|übersicht|statistik|résumé|resumen|сводка|статистика)\b|^report domain",
    re.I,
)


def find_failure(words: str) -> str | None:
    """The sentence piece that says that mail was not delivered; ``None`` when nothing does."""
    found = _FAILURE.search(words[:MAX_WORDS])
    return " ".join(found[0].split())[:80] if found else None


def find_trouble(words: str) -> str | None:
    """What :func:`find_failure` finds, or that a server still tries; to be asked of servers'
    mail only.
    """
    if failure := find_failure(words):
        return failure
    found = _DELAY.search(words[:MAX_WORDS])
    return " ".join(found[0].split())[:80] if found else None


def is_delay(words: str, subject: str) -> bool:
    """Whether the text as a whole tells of a delay, not of the end.

    An expired queue is the end, whatever was said on the way there.
    """
    head = words[:MAX_WORDS]
    if _FINAL.search(head):
        return False
    return bool(_DELAY.search(head)) or bool(
        _DELAY_SUBJECT.search(subject) and "fail" not in subject.lower()
    )


def is_success(words: str, subject: str) -> bool:
    """Whether the text tells of mail that arrived."""
    return bool(_SUCCESS.search(words[:MAX_WORDS]) or _SUCCESS.search(subject))


def is_summary(subject: str) -> bool:
    """Whether a mail sums up what happened to many mails, as log watchers do."""
    return bool(_SUMMARY.search(subject))


def is_no_bounce(words: str, subject: str) -> bool:
    """Whether the text has the marks of mails that only look like bounces."""
    return bool(_NO_BOUNCE.search(words[:MAX_WORDS]) or _NO_BOUNCE.search(subject))
