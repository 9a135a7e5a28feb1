"""The words by which refusing servers give their reasons, as regular expressions.

Collected from what mail servers, filters and the large providers print; each fragment is one way
of saying it. :mod:`.reasons` puts them in order. Gaps are bounded, so matching stays linear.
"""

from __future__ import annotations

VIRUS = (
    r"\bvirus(?:es)?\b(?!\.| ?scanner)",
    r"malware|trojan|\bworm\b",
    r"infected (?:mail|message|file|with|attachment)",
    r"ウ[イィ]ルス|病毒|вирус",
)
GREYLISTED = (r"gr[ae]y[- ]?list",)
MAILBOX_FULL = (
    r"(?:box|folders?|account|inbox|maildir|storage|disk)\S{0,3} (?:(?:is|was|are|has"
    r"|been|almost|too|currently|size|space) ){0,3}(?:full|over\b|exceed)",
    r"over[- ]?quota|quota (?:(?:is|was|has|been|limit|size) ){0,3}(?:exceed|full"
    r"|reached|violat|used|insufficient)",
    r"exceed\w*.{0,40}(?:quota|mailbox|storage|(?:disk|mail) ?(?:box|space))|quota.{0,30}exceed",
    r"(?:not enough|insufficient|out of) (?:\w+ )?(?:storage|disk|mailbox|space|room"
    r"|quota)\b|no (?:space|room) left",
    r"space (?:not enough|full|exhausted)|(?:storage|mailbox|disk) (?:space "
    r"|size )?(?:quota|limit)",
    r"(?:mail ?box|mail ?folder|in ?box) (?:full|over|quota)|full mailbox|mailbox size"
    r"|(?:is |too )full\b",
    r"over (?:the |its |his |their )?(?:storage|quota|limit|allowed|allotted|allocation)",
    r"(?:recipient|user|account|mailbox)\S* .{0,40}(?:reached|over"
    r"|exceeds).{0,25}(?:quota|storage|limit|size)",
    r"exceeded the local limit|exceeds allowed size|user is over|quota limit"
    r"|zu viele nachrichten im postfach",
    r"(?:postfach|konto|mailbox).{0,40}(?:\bvoll\b|überfüllt|kontingent)"
    r"|speicherplatz.{0,30}(?:erschöpft|voll)",
    r"bo[iî]te.{0,40}(?:pleine|satur)|quota.{0,20}(?:dépass|atteint)"
    r"|buz[oó]n.{0,40}(?:lleno|cuota|llena)",
    r"casella.{0,40}piena|caixa.{0,40}cheia|cuota.{0,20}(?:excedid|superad|sobrepasad)",
    r"переполнен|ящик.{0,40}полон|превы\w+ (?:квот|лимит|размер)|квота",
    r"満杯|容量.{0,20}(?:超|オーバ)|いっぱい|邮箱.{0,10}满|已满|空间不足|超出.{0,10}(?:容量|配额|限额)|가득",
)
TOO_LARGE = (
    r"(?:message|mail|file|attachment|header|body|content)\S* (?:(?:is|was|size|file"
    r"|body|header) ){0,3}(?:too (?:large|big|long)|exceed)",
    r"size (?:(?:is|was|of|this|message) ){0,3}(?:too|exceed|over|larger)|exceeds size"
    r"|too (?:large|big)\b",
    r"exceed\w*.{0,40}(?:maximum|allowed|permitted|fixed|limit).{0,20}(?:message|size|length)",
    r"(?:message|mail)[ -]?size limit|(?:maximum|max\.?|limit).{0,20}(?:message"
    r"|mail)[ -]?size|\bsize limit",
    r"larger than the|zu gro(?:ß|ss)|trop (?:gros|volumineux|grande?)|(?:demasiado"
    r"|muy) grande|excede el tamaño",
    r"サイズ.{0,20}(?:超|大き)|过大|超过.{0,10}大小|слишком больш|размер (?:письма|сообщения)",
)
REPUTATION = (
    r"(?:due to|because of|bad|poor|low|no|negative)\b.{0,25}reputation"
    r"|reputation.{0,30}(?:low|poor|bad|block)",
    r"user complaints|complaints (?:about|from)",
)
RATE_LIMITED = (
    r"too many (?:\w+ )?(?:connect|message|mail|recipient|e-?mail|concurrent|session"
    r"|smtp|errors?\b|invalid|unknown|commands)",
    r"rate[- ]?limit|\bthrottl|too (?:fast|quick|frequent)|receiving mail (?:at a rate"
    r"|too)|unusual rate",
    r"(?:sending|message|connection|submission|hourly|daily|recipient|send) (?:rate"
    r"|limit|quota)s? (?:(?:is|was|has|been) ){0,2}(?:exceed|reached|limit)",
    r"exceed\w*.{0,50}(?:\brate\b|per (?:hour|day|minute)|hourly|daily|connections?"
    r"|number of|sending)",
    r"(?:messages|e?mails|connections) per (?:hour|day|minute|connection)"
    r"|frequency limit|limit exceeded for sender",
    r"maximum (?:number of )?(?:parallel |simultaneous )?(?:connections|concurrent"
    r"|recipients)|connection limit",
    r"slow down|deferred due to (?:unexpected volume|excessive)|sent too many"
    r"|max(?:imum)? (?:e?mails|defers)",
    r"发送频率|频率|过于频繁|слишком много",
)
AUTHENTICATION = (
    r"\bspf\b|\bdkim\b|\bdmarc\b|sender policy framework|domain ?keys"
    r"|unauthenticated (?:e-?mail|mail)",
    r"sender ?id\b.{0,40}(?:fail|permerror)|not authorized to send (?:from|mail|on behalf)",
    r"authentication (?:information|checks?|level|results?)\b|sender(?:'s)? (?:domain"
    r"|identity).{0,40}authentic",
    r"domain owner discourages|not designated|identities failed the check|address is not verified",
)
REVERSE_DNS = (
    r"reverse[- ]?(?:dns|host ?name|lookup|address|mapping|map\b|ip|resol)|\brdns\b"
    r"|\bptr\b|no (?:valid )?reverse",
    r"cannot find your (?:reverse )?host|(?:could not|couldn't|cannot|can't"
    r"|unable to) (?:resolve|find|lookup|look up) your",
    r"fix (?:your )?(?:reverse|dns|ptr)|dns (?:record|entry|lookup).{0,30}your (?:ip"
    r"|host)|forward[- ]confirmed",
    r"(?:missing|generic|invalid|without|lacks?) (?:a |an )?(?:ptr|reverse|r?dns"
    r"|hostname)|ip name lookup failed",
    r"your (?:ip )?address.{0,30}(?:no|without|does not have) .{0,12}name"
    r"|mismatch\w* client ip",
    r"(?:ip|client|host)\b.{0,40}(?:does not|doesn't|not) (?:have a |have )?(?:resolv"
    r"|match).{0,20}(?:host ?name|dns|name)",
)
NO_MAIL_HOST = (
    r"null ?mx|no mx (?:record|host|found|entry)|does(?:n't| not) (?:accept"
    r"|receive) (?:any )?(?:e-?)?mail\b",
    r"(?:host|server|domain|machine|system).{0,40}(?:not|never"
    r"|don't) accept(?:ing)? (?:any )?(?:mail|messages|e-?mail)\b(?! from)",
    r"smtp service not|no smtp service|name service error for .{1,80}type=mx.{0,60}not found",
)
SENDER_REJECTED = (
    r"sender(?:'?s)?(?: e-?mail)?(?: address| domain)? (?:(?:is|was|has"
    r"|been) ){0,2}(?:reject|refus|denied|not (?:found|exist|valid|allowed|verif)"
    r"|invalid|unknown|does not|blocked|unverif|verif\w+ fail|verify fail)",
    r"return (?:address|path) was refused|sender (?:address )?verif|(?:invalid|bad"
    r"|unknown|unresolvable|illegal|blocked"
    r"|nonexistent|fake) (?:sender|return|from|envelope)\b",
    r"domain of sender (?:address )?|(?:mail from|return path|from address|from:"
    r"|envelope sender).{0,60}(?:reject|denied|refus|not allow|does not exist"
    r"|not verified|invalid)",
    r"(?:null|empty) sender|(?:like|accept)\b.{0,40}\bsender\b"
    r"|sending to/from an address|sender is not (?:allowed|authori)",
    r"your (?:e-?mail )?(?:address|domain)(?: address)? .{0,40}(?:reject|not allow"
    r"|block|denied|does not)|badmailfrom|sender .{0,40}blacklist",
)
RELAY_DENIED = (
    r"relay(?:ing|s)?\b.{0,40}(?:den|not (?:permit|allow|authori|access)|prohibit"
    r"|reject|refus|disabl|disallow|fail|block)",
    r"(?:unable|not able|not allowed|not permitted|cannot|refus\w*|won't"
    r"|not authorized|do not|don't|not configured"
    r"|authentication required) (?:to )?(?:be )?(?:for )?relay",
    r"(?:no|open|3rd party|third party|anonymous|mail) relay|rcpthosts"
    r"|not a (?:gateway|relay)|not (?:a )?local (?:host|domain)\b",
    r"we do(?:n't| not) (?:relay|handle)|isn't allowed to be relayed|requires authentication when",
)
HOST_UNKNOWN = (
    r"unknown (?:mail )?(?:host|domain|mail ?server)|no such (?:domain|host)|nxdomain"
    r"|unrout(?:e)?able (?:mail )?domain|illegal host",
    r"(?:host|domain)(?: name)?s? (?:(?:is|was|or|domain|name|address|has|been|for|of"
    r"|the|recipient) ){0,4}(?:unknown|invalid|not exist|non[- ]?exist|does(?:n't"
    r"| not) exist|not known|not found(?!,? try again))",
    r"bad (?:destination )?(?:host|domain|system)|name or service not known"
    r"|nonexistent domain|unknown or invalid domain",
    r"(?:recipient|destination|mail|e-?mail)(?:'s)? domain.{0,40}(?:not exist"
    r"|not found|invalid|unknown|no mx|misspelled)",
    r"(?:can't|cannot|could ?n[o']t|couldn't|unable to|failed to) (?:find|resolve"
    r"|locate|look ?up) (?:a |any |the )?(?:valid )?(?:host|domain|mx|dns|mail server"
    r"|ip address|address of)",
    r"domain .{1,80}(?:(?:could ?n[o']t|couldn't) be found|does(?:n't| not) exist)"
    r"|host/domain|host(?:name)? lookup (?:did not|failed)",
    r"lookup of .{1,80}failed|all relevant mx records point to non-existent"
    r"|no (?:mail )?route to domain|unknown destination",
    r"domain.{0,30}(?:existiert nicht|unbekannt|n[’']existe pas|no existe)"
    r"|домен.{0,40}(?:не существует|не найден)",
    r"ドメイン.{0,30}(?:存在しま|見つか)|域名.{0,12}(?:不存在|错误|无法|解析)",
)
SUSPENDED = (
    r"(?:account|mailbox|mail ?box|user|recipient"
    r"|address)\S*(?: [^.;]{0,40}?)? (?:(?:is|was|are|has|have|been|currently"
    r"|temporarily|now) ){0,4}(?:disabled|suspended|inactive|in-active|not active"
    r"|locked|deactivat\w+|discontinu\w+|frozen|expired|closed|terminated|on hold"
    r"|not yet active|switched off|cancel\w+|disconnected)",
    r"(?:disabled|suspended|inactive|deactivated|dormant|expired|closed|frozen|locked"
    r"|terminated) (?:e-?mail )?(?:mailbox|user|account|recipient|address)",
    r"mailbox (?:is )?(?:currently |temporarily )?(?:disabled|blocked|locked)"
    r"|not an active (?:address|account|user)|no longer (?:active|in use|used)"
    r"|account (?:is )?(?:not available|blocked)",
    r"(?:konto|postfach).{0,40}(?:deaktiviert|gesperrt)|(?:compte"
    r"|bo[iî]te).{0,40}(?:désactiv|suspendu|inactiv)|cuenta.{0,40}(?:deshabilit"
    r"|suspendid|inactiv)",
    r"(?:ящик|уч[её]тная запись|пользовател).{0,40}(?:заблокирован|отключ|не ?активен)"
    r"|利用停止|停止され|凍結|冻结|停用|禁用",
)
USER_MOVED = (
    r"(?:user|recipient|mailbox|address|he|she|person|employee) has (?:moved|left"
    r"|changed|been (?:moved|changed|replaced))|has moved|moved to|mailbox moved",
    r"no longer (?:at|with|works|employed|here)|(?:new|changed) e-?mail address"
    r"|has been replaced by|user not local; (?:please )?try",
    r"ist verzogen|a changé d'adresse|移転|変更になりました",
)
USER_UNKNOWN = (
    r"(?:user|recipient|mailbox|account|person|subscriber|customer|addressee|alias"
    r"|username)\S{0,3} (?:is )?(?:unknown|not (?:found|known|exist))\b",
    r"(?:unknown|no such|invalid|bad|nonexistent|non-existent|unrecogni[sz]ed"
    r"|undefined) (?:local |virtual |e-?mail |mail )?(?:user|recipient|mailbox|account"
    r"|alias|person|addressee|username|subscriber|inbox)",
    r"unknown (?:or illegal|in|e-?mail|address|local)|user (?:name )?not (?:listed"
    r"|recogni|in)|recipient name is not recogni|no (?:mailbox|account|user|one"
    r"|such)\b",
    r"recipient address rejected: ?(?:access denied|user|undeliverable|unknown"
    r"|no such)|(?:address|mailbox|account|user"
    r"|recipient)\S*(?: [^.;]{1,90})? (?:does(?:n't| not)|do not|did not) (?:exist"
    r"|have)",
    r"(?:account|address|mailbox|user|recipient|name)\S*(?: [^.;]{1,60})? (?:(?:was|is"
    r"|be|were|could|cannot|can|has|been) ?n?[o']?t? ){1,3}found"
    r"|not (?:a )?valid (?:user|recipient|mailbox|address|account)|not our customer"
    r"|(?:is|are) not (?:a )?(?:known|valid|registered) (?:\w+ ){0,2}(?:user|recipient"
    r"|mailbox|member)",
    r"recipnotfound|\brcp-p\d\b|adr\.?(?:recip)?notfound|not listed in|unknown (?:in|to) "
    r"|550[^.;]{0,40}mailbox unavailable"
    r"|action not taken: ?mailbox (?:unavailable|not found)|mailbox not found"
    r"|undeliverable address|unrouteable address|unroutable address"
    r"|non-?existent (?:user|address|mailbox)",
    r"(?:doesn't|does not|don't) (?:have|know|handle|like) (?:a |an |this "
    r"|any )?(?:\S+ )?(?:account|recipient|user|mailbox)|this user doesn"
    r"|email address (?:is )?(?:wrong|incorrect|no longer valid|not valid|invalid)"
    r"|no longer valid|address unknown|user doesn't"
    r"|no valid recipients|receiver not found|(?:user|address|recipient) (?:(?:is|was"
    r"|has|been) ){0,2}(?:deleted|removed)",
    r"(?:benutzer|empfänger|adressat|adresse|postfach|nutzer"
    r"|teilnehmer)\S*.{0,60}(?:unbekannt|existiert nicht|nicht (?:gefunden|bekannt"
    r"|vorhanden|gültig)|ungültig)",
    r"(?:adresse|utilisateur|destinataire|bo[iî]te).{0,80}(?:inconnu|n[’']existe pas"
    r"|introuvable|invalide|incorrect|pas (?:été )?trouv)",
    r"(?:usuario|direcci[oó]n|destinatario|buz[oó]n|cuenta).{0,80}(?:desconocid"
    r"|no existe|inexistente|no (?:se )?(?:encontr|v[aá]lid)|inv[aá]lid)",
    r"(?:utente|destinatario|indirizzo|casella).{0,60}(?:sconosciut|inesistente"
    r"|non (?:esiste|trovat|valid))|(?:usu[aá]rio|destinat[aá]rio"
    r"|endere[cç]o).{0,60}(?:desconhecid|n[aã]o existe|inexistente|inv[aá]lid)",
    r"(?:gebruiker|ontvanger|adres).{0,60}(?:onbekend|bestaat niet|niet gevonden)"
    r"|(?:użytkownik|adres|skrzynka).{0,40}(?:nie istnieje|nieznany)",
    r"(?:пользовател|получател|адрес|ящик|абонент).{0,80}(?:не (?:существует|найден"
    r"|обнаруж|зарегистр)|неизвест|отсутствует|неверн)|нет такого",
    r"(?:宛先|ユーザ|アドレス|メールボックス|受信者).{0,40}(?:存在し|見つか|不明|ありませ|間違|正しく)|存在しません|不存在|无此用户|查无此"
    r"|收件人.{0,20}(?:错误|无效)|(?:地址|用户).{0,10}(?:错误|无效|未找到)|존재하지",
)
USER_REFUSED = (
    r"(?:user|recipient|mailbox|account|rcpt"
    r"|addressee)\S*(?: address)?(?: .{1,60}?)? (?:(?:is|was|been|are) ){0,2}(?:reject"
    r"|refus|invalid|not (?:valid|exist|known|found|recogni|listed|present|local)"
    r"|undeliverable|incorrect|illegal|disallowed|unavailable|not accept)",
    r"(?:invalid|bad|illegal|incorrect|wrong|unknown|unavailable) (?:\w+ )?(?:address"
    r"|rcpt|name|mailbox|destination|e-?mail)\b|unroutable|does not like recipient"
    r"|not like recipient|name is not|could not be found",
)
BLOCKED = (
    r"black ?-?list|block ?-?list|\b(?:dns)?[rx]?bl\b|spamhaus|spamcop|barracuda|sorbs"
    r"|abuseat|senderscore|uceprotect",
    r"(?<!not )\blisted (?:in|at|by|on)\b|blocked (?:using|by|for)|\bbanned\b"
    r"|temporarily (?:blocked|rejected|deferred)",
    r"(?:your|this|sending|client|connecting|source) (?:\w+ )?(?:ip|host|server"
    r"|network|connection|country|address|mail server)\b.{0,60}(?:block|ban+ed|reject"
    r"|refus|denied|prohibit|poor|not allowed|not permit|not accept)",
    r"\bip\b.{0,50}(?:block|banned|reject|refus|denied|not allowed|listed)"
    r"|(?:connections?|connect) (?:was |from .{1,60} )?(?:dropped|rejected|denied"
    r"|not accepted)",
    r"(?:client|access) (?:host )?(?:rejected|denied|blocked|restricted)|(?:smtp"
    r"|mail) ?server of your isp|use your (?:isp|provider)|dynamic(?:ally)?[- ](?:ip"
    r"|allocated|assigned|address)|residential",
    r"(?:mail|messages?|e-?mails?|smtp|connections?) from .{3,80}(?:refused|rejected"
    r"|blocked|denied|not accept)|refus\w* (?:to talk|to accept|mail from"
    r"|messages? from|your)|not accept(?:ing)? (?:mail|messages|e-?mails?|smtp"
    r"|connections?) from",
    r"you are not (?:allowed|authorized|permitted)|not allowed to connect"
    r"|rejected by (?:the )?(?:rbl|dnsbl|firewall|filter)|(?:helo"
    r"|ehlo)\b.{0,60}(?:reject|refus|invalid|denied|block)|local policy.{0,20}block"
    r"|spfbl|reputation",
)
SPAM = (
    r"\bspam|unsolicited|\bjunk|bulk (?:e-?)?mail|\bube\b|\buce\b|looks like|phish"
    r"|abusive|advertis",
    r"(?:message|mail).{0,30}(?:score|classified|identified|considered)|фишинг|спам|垃圾|迷惑メール",
)
SECURITY = (
    r"starttls|\btls\b|\bssl\b|encrypt|authentication (?:is )?(?:required|failed"
    r"|needed|credentials|unsuccessful)|must (?:first )?(?:authenticate|log ?in)",
    r"smtp auth|unauthenticated senders|certificate|(?:user ?name"
    r"|password).{0,20}(?:incorrect|not accepted|wrong)|fail2ban|security (?:reasons"
    r"|policy|violation)",
)
EXPIRED = (
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
MAILER = (
    r"command (?:died|output|failed|line usage|time)|child (?:process|returned|status"
    r"|crashed)|procmail|exit(?:ed)? (?:code|status|with)|\bpipe\b"
    r"|unknown mailer error|local mailer",
    r"(?:mail|delivery) (?:filter|agent|program|script).{0,30}(?:fail|error|crash"
    r"|died)|transport returned|\|/|\bexec\b|cannot (?:create|append)|\.forward"
    r"|error writing|can't create",
)
NETWORK = (
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
CONTENT = (
    r"(?:message|mail|its) content|attachment|(?:message|mail) (?:header|format|body)"
    r"|header error|executable|forbidden (?:file|word)|file type|\bzip\b|\bmime\b"
    r"|(?:bad|8-?bit|bare) (?:header|characters?|lf)|subject (?:line )?(?:contain"
    r"|not allowed)|\blinks?\b (?:in|to)|content (?:reject|filter|not)",
)
SYSTEM = (
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
POLICY = (
    r"polic|access denied|rejected|not (?:allowed|permitted|accepted|authorized"
    r"|authorised)|prohibit|refus|denied|restrict|delivery not auth|administrat"
    r"|transport\.rules|block|approv|unauthori|moderat|badrcptto",
)
