"""The words of machines in trouble, or talking past each other: nobody's address is to blame.

The counterpart of :mod:`.reason_words` and :mod:`.refusal_words`; :mod:`.reasons` puts all in
order. Gaps are bounded, so matching stays linear.
"""

from __future__ import annotations

NETWORK = (
    r"closed (?:the )?connection|connection (?:unexpectedly|died|dropped by)",
    r"connect(?:ion)? (?:to .{1,60} )?failed|failed to all",
    r"connection\b.{0,30}(?:dropped|interrupted)",
    r"tim(?:e|ed)[- ]?out|connection (?:attempt|to|was|has)?.{0,60}(?:refused|reset"
    r"|lost|fail|closed|abort|timed|terminated|broken|died|interrupt)"
    r"|connection(?: was)? (?:refused|reset|lost|fail\w+|closed|timed)",
    r"no route|(?:network|host) (?:is )?(?:unreachable|down|not responding|error)"
    r"|lost (?:connection|input)|too many hops|hop count|hops? exceed|(?:mail|routing"
    r"|message|forward\w*) ?loop|\bloops?\b|looping",
    r"name (?:service|server)|nameserver|\bdns\b|(?:host|name"
    r"|domain) not found,? try again|(?:cannot|can't|could ?n[o']t|unable to|failed to"
    r"|couldn't) (?:connect|contact|reach|establish|initiate|talk|send to identified)",
    r"not (?:responding|reachable)|unreachable|socket error|no answer|premature"
    r"|broken pipe|communication (?:fail|error)|did(?: not|n't) (?:respond"
    r"|accept our requests)|no smtp (?:connection|server)|transport (?:fail|error)"
    r"|hosts? have been failing",
)
LOST = (
    r"(?:host|domain|name)\S{0,3} (?:name )?not found,? try again"
    r"|malformed or unexpected name server reply|(?:type=\w+"
    r"|lookup of \S+):? (?:host not found, try again|temporar|server failure|timed? ?out)"
    r"|cname lookup failed|dns (?:soft|temporary) (?:error|failure)|temporar\w+ (?:dns|name"
    r"|lookup|resolution) |communicating with target host|winsock error|socket error"
    r"|routing\.?loop|loopdetected|mxloopback|best-preference mx|loops back to|too many (?:hops"
    r"|received|forwards)|mail[- ]?loop|hop count|hops? exceeded|\(max(?:imum)? hops"
    r"|hosts? (?:is |are )?(?:un|not )reach",
)
EXPIRED_FIRM = (
    r"undeliverable (?:within|for|after) (?:more than )?\d",
    r"message expired|message (?:has )?timed out|expired message|retry time ?-?out exceeded"
    r"|retry time not reached"
    r"|delivery (?:time )?expired|in the queue too long|queue\.expired",
)
EXPIRED = (
    r"maximum (?:delivery )?time .{0,30}(?:passed|elapsed|exceeded|reached)"
    r"|removed from the (?:mail )?queue",
    r"retry time ?out|(?:delivery|message|mail|queue) ?(?:time|timer|ttl|lifetime"
    r"|retention)? ?(?:\.|has |was |is |had )?expired|queue\.expired|\.\.\. deferred\W*$"
    r"|(?:tried|trying) (?:\w+ ){0,4}(?:times|days|hours)|(?:zeitüberschreitung|abgelaufen"
    r"|délai (?:\w+ )?(?:dépassé|expiré)|tiempo (?:\w+ )?(?:agotado|expirado)|scadut"
    r"|превышен\w* (?:время|срок)|配信期限|有効期限)",
    r"(?:message|mail|delivery|retry|queue)\S* (?:(?:time|timer|period|has|been|was"
    r"|is) ?){0,3}(?:expired|exceeded|elapsed|time-?out exceeded)"
    r"|retry time ?-?(?:out)? ?(?:not reached|exceeded)",
    r"(?:too long|been) in (?:the )?(?:mail )?queue|in the queue too long|gave up"
    r"|giving up(?! on \d)|for a long time|multiple retries|still (?:being|trying"
    r"|in the queue)",
    r"(?:not|n't|un)\w* (?:be |been )?(?:delivered|collected|able to deliver"
    r"|deliver)\b.{0,60}(?:for (?:more|over|\d)|after|within|in the last|since"
    r"|\d+ (?:day|hour|minute|attempt))",
    r"(?:unable|failed) to deliver.{0,60}(?:after|for \d|within|multiple)"
    r"|delivery (?:has been |was |temporarily )?(?:delay|attempts will|expired"
    r"|time expired|suspended)|(?:will be|be) retried",
    r"maximum (?:number of )?(?:delivery |retry )?(?:attempts|retries)"
    r"|too many (?:delivery )?(?:attempts|retries)|\bdelayed\b|再送|時間(?:以内|が経過)|超时",
)
MAILER_FIRM = (r"procmail|command died|couldn't create|generated during the delivery attempt",)
MAILER = (
    r"\bx-unix\b|unix_?error|unable to create a dot-lock|exit code \d|status (?:code )?\d{1,3}: "
    r"|returned \d{1,3} from command|signal \d{1,2}\b",
    r"command (?:died|output|failed|line usage|time)|child (?:process|returned|status"
    r"|crashed)|procmail|exit(?:ed)? (?:code|status|with)|\bpipe\b"
    r"|unknown mailer error|local mailer",
    r"(?:mail|delivery) (?:filter|agent|program|script).{0,30}(?:fail|error|crash"
    r"|died)|transport returned|\|/|\bexec\b|cannot (?:create|append)|\.forward"
    r"|error writing|can't create",
)
SYSTEM = (
    r"verification in progress",
    r"prx\d|lookup (?:failure|error)|ldap (?:lookup|error|server)|queue file|thread limit"
    r"|resources? (?:exhausted|shortage|unavailable)|(?:störung|systemfehler|erreur (?:système"
    r"|interne|temporaire)|error (?:interno|temporal)|errore (?:interno|temporaneo)"
    r"|erro (?:interno|temporário)|внутренн\w+ ошибк|временн\w+ ошибк|システムエラー|系统(?:错误"
    r"|繁忙))"
    r"|(?:please )?(?:try|come back|retry)(?: again)? later|veuillez (?:essayer|réessayer)"
    r"|später (?:noch ?einmal|erneut)",
    r"system (?:error|problem|resources|storage|incorrectly|config)|(?:local|server"
    r"|configuration|internal|processing|resource|database|ldap|storage|queue file|i/o"
    r"|disk|file ?system) (?:configuration )?(?:error|fail|problem|shortage)",
    r"temporar(?:y|ily) .{0,30}(?:error|fail|problem|unavailable|not available)"
    r"|(?:service|server|system|mailbox) (?:is )?(?:temporarily "
    r"|currently )?(?:unavailable|not available|busy|not accepting)"
    r"|try (?:again )?later",
    r"insufficient (?:system|resources)|out of memory|unexpected(?:ly)?|overload"
    r"|cannot (?:store|write|open)|disk full|technical (?:problem|difficult)"
    r"|not unique|requested (?:mail )?action aborted|too busy|backend|no transport provider"
    r"|transaction failed",
)
PROTOCOL = (
    r"syntax error|command (?:not|un)|unrecogni[sz]ed command|not implemented"
    r"|out of sequence|bad sequence|unexpected command|rfc ?\d{3,4}|(?:not|non"
    r"|violat\w+).{0,20}(?:rfc|compl)|protocol (?:error|violation)",
    r"malformed|need (?:rcpt|mail)|duplicate|missing .{0,30}(?:header|field)|no .{0,20}(?:field"
    r"|header) given|multiple .{0,30}(?:header|address)|smtputf8|utf-?8|8bitmime",
)
