"""Sentences of answers that a machine gives for a person who is away, in several languages."""

from __future__ import annotations

import re

MAX_WORDS = 2000  # characters that are looked at
_BEGIN = 400  # characters in which such an answer says what it is
_MAX_LENGTH = 3000  # longer texts are people's

_DECLARED = re.compile(
    r"this is an? (?:automat\w+|auto[- ]?(?:generated|reply|response)) ?(?:e-?mail |mail "
    r"|message )?(?:reply|response|message|e-?mail|answer|notification)?"
    r"|(?:this|your) (?:e-?mail|message) (?:is|was|has been) (?:an )?(?:automatically|auto-?)"
    r"|dies ist eine automatische? |diese (?:e-?mail|nachricht) wurde automatisch"
    r"|ceci est (?:un message|une réponse) automatique|réponse automatique"
    r"|(?:esta es una |este es un |)(?:respuesta|mensaje) autom[aá]tic[oa]"
    r"|(?:questo è un |questa è una )(?:messaggio|risposta) automatic[oa]"
    r"|esta é uma (?:resposta|mensagem) automática|dit is een automatisch"
    r"|это автоматическ|自動(?:返信|応答|送信)(?:メール|です|し)|这是(?:一封)?自动|자동 ?(?:응답"
    r"|회신)",
    re.I,
)
_AWAY = re.compile(
    r"\bi(?:'m| am|’m|'ll be| will be| will not be reading)? (?:currently |presently |now )?"
    r"(?:out of (?:the |my )?office|out of town|on (?:\w+ )?(?:vacation|leave|holidays?)|away\b"
    r"|my (?:e-?)?mail for|not in the office|travell?ing)"
    r"|\bich (?:bin|werde)\b.{0,60}(?:nicht im (?:büro|buero|haus|hause)|im urlaub|abwesend"
    r"|außer haus|nicht erreichbar|nicht am arbeitsplatz)"
    r"|\bje (?:suis|serai) .{0,30}(?:absent|en congé|en vacances|en déplacement|hors du bureau)"
    r"|\best(?:oy|aré) .{0,30}(?:fuera de|ausente|de vacaciones)"
    r"|\bsono .{0,30}(?:assente|in ferie|fuori)|\best(?:ou|arei) .{0,30}(?:ausente|fora|de férias)"
    r"|\bik ben .{0,30}(?:afwezig|niet aanwezig|met vakantie|niet op kantoor)"
    r"|\bjag är .{0,30}(?:bortrest|inte på kontoret|på semester|frånvarande)"
    r"|я (?:нахожусь |буду )?.{0,20}(?:в отпуске|отсутств)|меня (?:нет|не будет)"
    r"|(?:休暇|出張|不在|外出).{0,20}(?:中|し|ます|おり)|(?:我|本人).{0,12}(?:休假|出差|外出"
    r"|不在)|부재 ?중",
    re.I,
)
_MEANWHILE = re.compile(
    r"\b(?:until|till|through|returning|return(?:ing)? (?:on|to)|back (?:on|in)|when i (?:return"
    r"|get back|am back)|upon my return|in my absence|urgent|emergency|immediate(?:ly)? (?:assist"
    r"|help|attention)|(?:no|limited|intermittent) access|will (?:be read|respond|reply|answer) "
    r"(?:when|as soon|upon))\b"
    r"|\b(?:bis (?:zum|einschließlich|einschl|\d)|vertret|dringend|weitergeleitet|nach meiner"
    r" rückkehr|wieder (?:erreichbar|da|im))|jusqu[’']|urgence|mon (?:absence|retour)|hasta el"
    r"|urgen[tc]|regreso|fino al|al mio (?:rientro|ritorno)|até (?:o dia )?\d|meu retorno"
    r"|\btot (?:en met )?\d|dringend|\btill(?:baka)?\b|\bдо \d|срочн|緊急|至急|まで|直到|紧急"
    r"|까지",
    re.I,
)
_RECEIVED = re.compile(
    r"(?:do not|don't|please do not|no need to) (?:reply|respond)|(?:has been|was|have) received"
    r"|received your|(?:nicht|keine) .{0,20}(?:antworten|antwort auf)|ne pas répondre"
    r"|no responda|non rispondere|ticket|out of (?:the )?office|away|vacation|as soon as possible",
    re.I,
)
_QUOTED = re.compile(r"^[ \t]*>|(?:wrote|schrieb|écrit|escribi[óo]|scritto)\s*:[ \t]*$", re.M)


def names_absence(words: str, *, is_by_machine: bool) -> str | None:
    """The words that make a text an automatic answer; ``None`` for what a person may have written.

    ``is_by_machine`` tells that the header speaks of a machine already; one sign suffices then.
    People ask back and quote what they answer, machines hardly ever.
    """
    head = words[:MAX_WORDS]
    begin = head[:_BEGIN]
    found = _DECLARED.search(begin)
    if found and (is_by_machine or _RECEIVED.search(head)):
        return " ".join(found[0].split())
    found = _AWAY.search(begin)
    if found is None:
        return None
    is_persons = len(words) > _MAX_LENGTH or "?" in head or _QUOTED.search(head)
    if is_by_machine or (not is_persons and _MEANWHILE.search(head)):
        return " ".join(found[0].split())
    return None
