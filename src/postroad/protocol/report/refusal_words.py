"""The words of servers that do not want this mail or this sender, whoever it is for.

The counterpart of :mod:`.reason_words`, which has the words about addresses, mailboxes and
machines. :mod:`.reasons` puts both in order. Gaps are bounded, so matching stays linear.
"""

from __future__ import annotations

VIRUS = (
    r"(?:contain\w*|found|detected|carr\w+|infect\w+).{0,30}(?:virus|malware|trojan|worm"
    r"|malicious)|infected:|\beicar\b|w32[./]|(?:virus|malware)[- ]?(?:infect|found|detect|alert"
    r"|infiziert|trouvé|encontrado)|вредонос",
    r"\bvirus(?:es)?\b(?!\.| ?scanner)",
    r"malware|trojan|\bworm\b",
    r"infected (?:mail|message|file|with|attachment)",
    r"ウ[イィ]ルス|病毒|вирус",
)
GREYLISTED = (r"gr[ae]y[- ]?list",)
REPUTATION = (
    r"(?:due to|because of|bad|poor|low|no|negative)\b.{0,25}reputation"
    r"|reputation.{0,30}(?:low|poor|bad|block)",
    r"user complaints|complaints (?:about|from)",
)
RATE_LIMITED = (
    r"(?:submission|message|mail|sending|recipient) rate\b.{0,60}(?:exceed|limit)"
    r"|exceeded (?:its |their )limit for receiving|outbounds? disabled",
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
    r"anti-?spoofing",
    r"send as this sender|sendasdenied",
    r"not pass (?:authentication|dmarc|spf|dkim)|(?:sender|mail|message|domain)\S{0,3} (?:is "
    r"|was |are )?(?:un|not )authenticated|authentication[- ]based"
    r"|requires? all senders to authenticate|\bsenderid\b|(?:from|sender) (?:header )?(?:domain"
    r"|address) .{0,40}(?:not allowed to be sent|not permitted to (?:send|use)|may not be used)"
    r"|domain(?:'s)? .{0,30}polic(?:y|ies) (?:of )?(?:reject|prohibit)"
    r"|envelope rejected - .{0,40}dmarc",
    r"\bspf\b|\bdkim\b|\bdmarc\b|sender policy framework|domain ?keys"
    r"|unauthenticated (?:e-?mail|mail)",
    r"sender ?id\b.{0,40}(?:fail|permerror)|not authorized to send (?:from|mail|on behalf)",
    r"authentication (?:information|checks?|level|results?)\b|sender(?:'s)? (?:domain"
    r"|identity).{0,40}authentic",
    r"domain owner discourages|not designated|identities failed the check|address is not verified",
)
REVERSE_DNS = (
    r"unverif[iy]\w* sending ip|(?:your|the|sending|client|remote|connecting) (?:\w+ ){0,2}(?:ip"
    r"|host|server|mta)\b.{0,50}(?:no|without a?|missing|lacks?|lacking|invalid|wrong|bad"
    r"|does not have a?|doesn't have a?|not have a?|has no) ?(?:valid |proper |correct |reverse "
    r"|matching )*(?:ptr|reverse|rdns|dns|host ?name|fqdn)|ptr (?:record|resource|entry|lookup)"
    r"|helo.{0,40}(?:resolv|dns)|hostname (?:is not|does not|doesn't|not) (?:resolv|match)",
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
SENDER_REJECTED = (
    r"send(?:er|ing)\S{0,3} (?:e-?mail )?(?:address|domain|mailbox)?\S{0,3} ?(?:must|required"
    r"|has no|lacks|cannot be|could not be|failed|fails|is not|not|doesn't|does not) ?(?:contain"
    r"|resolve|verified|have|exist|be verified|callback|call-?back|a? ?valid|accepted|existing"
    r"|found)|(?:sender|mail from|return path)\S{0,3}.{0,30}(?:callback|callout|call-?back) "
    r"|call(?:out|back) verif|domain (?:name )?required for sender|domain of (?:the )?sender"
    r"|bad outbound sender|sender.{0,20}(?:blocked by|on our block|is blocked|was blocked"
    r"|has been blocked)|\bnot (?:a )?(?:valid|existing|authorized) sender|unverified (?:sender"
    r"|address: sender)|(?:reject|refus|den(?:y|ied)|block)\w*.{0,20}\bsender\b",
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
BLOCKED = (
    r"\bip (?:address )?(?:is )?(?:forbidden|prohibited)|(?:taken|rejected): ?invalid ip\b",
    r"^\W*(?:[45]\d\d\W+)?(?:[45]\.\d\.\d{1,3}\W+)?(?:message |mail |e-?mail )?blocked\b"
    r"|service refus|nemesis|\bip\b.{0,20}(?:reputation|score)|not accepting (?:mail|messages"
    r"|connections) from (?:you|this)|your (?:server|host|mail ?server) is not",
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
    r"\bdt:spm\b|mail content denied|content (?:was )?(?:denied|identified as)|(?:high"
    r"|very high) (?:probability|likelihood|spam)|spam ?(?:content|message|score|url|signature"
    r"|filter|assassin|detect)|prx5|considered (?:to be )?(?:spam|unsolicited)|antispam"
    r"|anti-spam|(?:unerw(?:ue|ü)nschte|unsolicited) (?:werbe|e-?mail|mail|bulk|commercial"
    r"|messages?)|pourriel|ind[ée]sirable|correo (?:basura|no deseado)|lixo eletr"
    r"|posta indesiderata|спамом|スパム|廣告|广告|垃圾邮件|垃圾郵件|스팸",
    r"spam(?!haus|cop|rats)|unsolicited|\bjunk|bulk (?:e-?)?mail|\bube\b|\buce\b|looks like"
    r"|phish"
    r"|abusive|advertis",
    r"(?:message|mail).{0,30}(?:score|classified|identified|considered)|фишинг|спам|垃圾"
    r"|迷惑メール",
)
SECURITY = (
    r"client was not authenticated",
    r"starttls|\btls\b|\bssl\b|encrypt|authentication (?:is )?(?:required|failed"
    r"|needed|credentials|unsuccessful)|must (?:first )?(?:authenticate|log ?in)",
    r"smtp auth|unauthenticated senders|certificate|(?:user ?name"
    r"|password).{0,20}(?:incorrect|not accepted|wrong)|fail2ban|security (?:reasons"
    r"|policy|violation)",
)
CONTENT = (
    r"potential security issue|(?:file|attachment|extension)s?\b.{0,30}(?:not (?:allowed"
    r"|permitted|accepted)|prohibited|forbidden|blocked|banned|illegal|dangerous)|(?:banned"
    r"|forbidden|prohibited|illegal|dangerous) (?:file|attachment|extension|content|words?)"
    r"|(?:improper|invalid|bad|illegal) (?:message )?(?:header|content|body|mime)|body type not"
    r"|content (?:type )?(?:not (?:acceptable|allowed|supported|accepted))",
    r"(?:message|mail|its) content|attachment|(?:message|mail) (?:header|format|body)"
    r"|header error|executable|forbidden (?:file|word)|file type|\bzip\b|\bmime\b"
    r"|(?:bad|8-?bit|bare) (?:header|characters?|lf)|subject (?:line )?(?:contain"
    r"|not allowed)|\blinks?\b (?:in|to)|content (?:reject|filter|not)",
)
POLICY = (
    r"polic|access denied|rejected|not (?:allowed|permitted|accepted|authorized"
    r"|authorised)|prohibit|refus|denied|restrict|delivery not auth|administrat"
    r"|transport\.rules|block|approv|unauthori|moderat|badrcptto",
)
BLOCKLISTED = (
    r"will be permanently deferred|\b(?:cxbl|aup#(?:bl|i-1|dyn))\b",
    r"\bblocked using\b|black[- ]?list|blocklist|block list\b|deny ?list|\bdnsbl\b|\brbls?\b"
    r"|spamhaus|spamcop|spamrats|barracuda(?:central)?|sorbs|abuseat|uceprotect|backscatterer"
    r"|senderscore|\bsbrs\b|cloudmark.{0,20}(?:csi|reset)|dnsbl-lookup|invaluement|mailspike"
    r"|\bspfbl\b|proofpoint.{0,20}dynamic reputation",
    r"(?:client host|your (?:ip|host|server|network|mail ?server|connection)|the ip|ip address"
    r"|sending ip|source ip|sender ip|connecting (?:ip|host)|remote (?:ip|host)|this ip"
    r"|from ip)\b.{0,60}(?:block(?:ed|ing)|banned|black|reject|refused|denied|deny|not allowed"
    r"|not permitted|not accepted|\blisted\b|prohibited|abus|spam|poor)",
    r"banned send|banned (?:ip|host)|(?:e-?mails?|mail|messages|connections?|smtp|access"
    r"|traffic) (?:coming )?from (?:\[?\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"
    r"|\[?[0-9a-f]{1,4}:[0-9a-f:]{4,}|(?:your|this|dynamic|such) (?:ip|ips|host|hosts|network"
    r"|server|addresses))|dynamic(?:ally)?[ /-](?:ip|zombied|allocated|assigned|addresses"
    r"|address|host)|(?:dial-?up|residential|consumer|home|dsl|cable) (?:ip|lines?|hosts?"
    r"|ranges?|connection|pool|address|customer)",
    r"\bcon:b\d|\brtr:b\w|\bdyn:t\d|\[(?:tss|ts|bl|cs|ip)\d\d\]|comcast block for|block for spam"
    r"|policy of .{0,30} blacklist|user complaints|blocked by .{0,50}(?:anti-?spam system"
    r"|firewall|reputation)|(?:too many|many) (?:bad commands|spam|complaints) from your|s3140"
    r"|s3150|\bib5\d\d\b|delist|removal (?:request|from (?:this|the|our) list)",
)
RATE_FIRM = (
    r"\b(?:cxcnct|cxthrt|aup#lim)\b",
    r"messag\w+ limit|limit for the number of messages|number of messages (?:they|you|he|she) can",
    r"throttl|submissionquota|submission quota|(?:sending|daily|hourly|smtp|relay|outbound"
    r"|outgoing|sender|per-?hour|message rate|recipient rate) (?:\w+ ){0,3}(?:rate|quota|limits?"
    r"|allotment)\b|max(?:imum)? (?:e?mails|defers|number of (?:messages|recipients"
    r"|connections))|(?:e?mails|messages|recipients|defers and failures) (?:per|every|in an?"
    r"|allowed per) (?:hour|day|minute)|(?:rate|connection|frequency) ?limit|frequency limited"
    r"|\brate of\b|at a rate",
    r"too (?:much|many) (?:mails?|messages?|e-?mails?|recipients?|connections?|concurrent"
    r"|simultaneous|sessions?|smtp|hits)\b(?! (?:in|on|stored))|excessive (?:mail|number|volume"
    r"|rate|connections)|sender thread limit|(?:connections?|sessions?"
    r"|threads?) limit (?:exceeded|reached)",
)
POLICY_FIRM = (
    r"not a member of (?:this|the) (?:\w+ )?list",
    r"delivery restrict\w+|organi[sz]ation(?:al|'s)? (?:polic|rule)"
    r"|administrative(?:ly)? (?:polic|prohibit|den|block)"
    r"|do(?:es)? not have (?:sufficient )?permission|not (?:have )?permission to send"
    r"|(?:security|usage|mail|local|company|corporate|e-?mail|content|messaging) polic(?:y"
    r"|ies)\b.{0,30}(?:violat|reject|refus|prohibit|block|den|of the)|(?:violat\w+|refused by"
    r"|rejected by|blocked by|due to|because of|against) (?:\w+ ){0,4}polic(?:y|ies)"
    r"|for policy reasons|policy (?:violation|restriction|reject|reasons?)",
)
EXCHANGE_RESTRICTION = (
    r"resolver\.rst\.(?:not)?auth|resolver\.rst\.(?:sender|restrict)|transport\.rules"
    r"|sendernotauth|not authenticated when sending to|authentication required; delivery",
)
SENDER_FIRM = (
    r"sending to/from an address|badmailfrom|sender\S{0,3} (?:\S+ ){0,4}(?:black ?-?list|banned)"
    r"|blocked sender|sender (?:\S+ ){0,3}(?:on|in) .{0,20}block ?list",
)
CONTENT_FIRM = (
    r"content (?:examination|inspection)|- banned: ?[\w.]|bare (?:lf|cr|line ?feed)",
    r"blocked because its content|content rejected|potential security issue",
    r"(?:banned|forbidden|prohibited|illegal|dangerous|blocked) (?:file|attachment|extension)",
    r"(?:attachment|file type|file extension)s?\b.{0,30}(?:not (?:allowed|permitted|accepted)"
    r"|prohibited"
    r"|forbidden|blocked|banned)",
)
