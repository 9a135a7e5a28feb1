"""The words by which refusing servers give their reasons, as regular expressions.

Collected from what mail servers, filters and the large providers print; each fragment is one way
of saying it. :mod:`.reasons` puts them in order. Gaps are bounded, so matching stays linear.
"""

from __future__ import annotations

MAILBOX_FULL = (
    r"out of (?:storage|disk|mailbox) space|(?:does not|doesn't|did not|has not"
    r"|hasn't) have (?:enough|sufficient) (?:disk |mailbox |storage |free )?(?:space|room|quota)"
    r"|(?:shutoff|hard)?quotaexceeded(?:exception)?|over ?quota(?:perm|temp)|overdrawn (?:his"
    r"|her|their|its|the)?|space has been (?:used|exhausted)|would (?:exceed|put"
    r"|be over).{0,40}quota",
    r"(?:zu ?viele|zuviele) (?:e-?)?mails auf|postfach\S{0,3}.{0,30}(?:voll|überschritten"
    r"|ueberschritten|erschöpft)|speicher(?:platz|kontingent)?\S{0,3}.{0,40}(?:überschritten"
    r"|ueberschritten|voll|erschöpft|aufgebraucht)|quota\S{0,3}.{0,20}(?:überschritten"
    r"|ueberschritten)|(?:bo[iî]te|espace|compte)\S{0,3}.{0,60}(?:pleine?|satur[ée]|dépass)"
    r"|(?:buz[oó]n|cuenta|casilla)\S{0,3}.{0,40}(?:llen[oa]|excedid|superad|satur)|(?:casella"
    r"|posta)\S{0,3}.{0,40}(?:piena|esaurit|superat)|(?:caixa|quota|cota)\S{0,3}.{0,40}(?:cheia"
    r"|lotada|exced|estour)|(?:mailbox|postvak|postbus)\S{0,3}.{0,30}(?:\bvol\b|overschreden)"
    r"|(?:skrzynka).{0,30}(?:pełna|przepełn)|kota(?:s[ıi])?.{0,20}(?:dolu|aşıl|asil)"
    r"|(?:postkasse|postl[aå]da|inkorg|brevl[aå]da).{0,30}(?:full|fuld|fullt)",
    r"(?:mail ?box|inbox|user|account|recipient|folder|spool|maildir)\S{0,3}.{0,40}(?:size"
    r"|storage|space|disk|quota|capacity)\S{0,3}.{0,20}(?:exceed|reach|exhaust|full|surpass"
    r"|used up|over)|(?:容量|信箱|邮箱|空間|空间).{0,12}(?:已?[满滿]|不足|超)|메일(?:함"
    r"|박스).{0,12}(?:가득|초과|꽉)"
    r"|용량.{0,8}초과|全文件夹|收件箱已满",
    r"(?:box|folders?|account|inbox|maildir|storage|disk)\S{0,3} (?:(?:is|was|are|has"
    r"|been|almost|too|currently|size|space) ){0,3}(?:full|over\b|exceed)",
    r"over[- ]?quota|quota (?:(?:is|was|has|been|limit|size) ){0,3}(?:exceed|full"
    r"|reached|violat|used|insufficient)",
    r"exceed\w*.{0,40}(?:quota|mailbox|storage|(?:disk|mail) ?(?:box|space))|quota.{0,30}exceed",
    r"(?:not enough|insufficient|out of) (?!system)(?:\w+ )?(?:storage|disk|mailbox|space|room"
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
    r"満杯|容量.{0,20}(?:超|オーバ)|いっぱい|邮箱.{0,10}满|已满|空间不足|超出.{0,10}(?:容量|配额"
    r"|限额)|가득",
)
TOO_LARGE = (
    r"dépasse (?:la |les? )?(?:taille|limite)|(?:supera|excede|ultrapassa|eccede) (?:el |la |o "
    r"|il )?(?:tamaño|dimension|tamanho|l[ií]mite)|überschreitet .{0,30}größe|(?:message"
    r"|mail) larger than",
    r"(?:message|mail|file|attachment)(?:'s)? (?:total )?size\b.{0,40}(?:exceed|exced|larger"
    r"|greater|over|bigger|too|limit)|(?:recip|send)sizelimit"
    r"|exceed\w* .{0,30}(?:message[- ]size|size[- ]limit|fixed limit|maximum size"
    r"|size restriction)|size (?:limit|restriction|quota) (?:exceed|violat)|(?:too"
    r"|very) (?:large|big) (?:for|to)\b|exceeds the (?:maximum|size)|databytes limit"
    r"|maximum (?:message|mail|e-?mail|allowed|permitted|acceptable) ?(?:message )?size",
    r"(?:nachricht|mail)\S{0,3}.{0,30}zu (?:groß|gross|lang)|(?:maximale|zulässige"
    r"|erlaubte)\w* (?:nachrichten|mail)?größe|message\S{0,3}.{0,20}trop (?:gros|grand"
    r"|volumineux|long)|mensaje.{0,30}(?:demasiado|tamaño)|tamanho (?:máximo|da mensagem)"
    r"|messaggio.{0,30}troppo grande|письмо слишком|(?:邮件|郵件|信件).{0,12}(?:过大|過大|太大"
    r"|超过|超過)",
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
NO_MAIL_HOST = (
    r"host found but no data record of requested type",
    r"no (?:mail|smtp) (?:servers?|exchangers?) (?:appear|exist|found|for|available for|listed)",
    r"(?:mx or srv|mx|srv) record indicated no (?:smtp|mail) service|mail server never accepts"
    r"|(?:this )?(?:host|system|server|domain|machine)\S{0,3} (?:does not|doesn't|will not|never"
    r"|no longer) accepts? (?:any )?(?:incoming )?(?:e-?)?mail\b(?! from)"
    r"|smtp disabled, please use|no mail service (?:here|on this)",
    r"null ?mx|no mx (?:record|host|found|entry)|does(?:n't| not) (?:accept"
    r"|receive) (?:any )?(?:e-?)?mail\b(?! from)",
    r"(?:host|server|domain|machine|system).{0,40}(?:not|never"
    r"|don't) accept(?:ing)? (?:any )?(?:mail|messages|e-?mail)\b(?! from)",
    r"smtp service not|no smtp service|name service error for .{1,80}type=mx.{0,60}not found",
)
RELAY_DENIED = (
    r"relay(?:ing)? (?:restriction|den(?:y|ied)|operation|prohibit|attempt|is (?:disabled|not))"
    r"|\brelay(?:ing)? (?:for|to|from) .{0,60}(?:refus|den|disallow|not allow|prohibit)"
    r"|non-?accepted domain|not (?:one of )?(?:our|my) (?:local |hosted )?domains?|(?:domain"
    r"|host)\S{0,3}.{0,30}not (?:hosted|served|handled|local|accepted) (?:here|by|on)"
    r"|does not (?:handle|accept|host|serve) (?:mail|e-?mail|messages) for|tenantattribution"
    r"|pop before smtp|must check (?:for )?(?:your )?(?:new )?mail (?:before|first)"
    r"|non-local (?:recipient|user)",
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
    r"domain\b.{0,60}not (?:appear to be |been )?registered",
    r"resolution of .{0,80}failed",
    r"domain\S{0,3} (?:\S+ )?(?:couldn't|could not|cannot|can't) be (?:found|resolved)"
    r"|domainnonexistent|nonexistentdomain|non-?existent (?:domain|host)|dns (?:hard"
    r"|permanent) (?:error|failure)|(?:host|domain|server|mx)\S{0,3} (?:lookup |name )?(?:not"
    r"|never) found(?!,? try again)|name or service not known",
    r"(?:invalid|unknown|bad|misspelled|nonexistent|non-existent) (?:recipient |destination "
    r"|mail |e-?mail |target )*(?:domain|host)(?! ?name (?:in|for) (?:helo|ehlo|sender))"
    r"|(?:domain|host)(?: name)?\S{0,3} (?:part )?(?:is|was) (?:incorrect|misspelled|wrong"
    r"|invalid)|no (?:a|aaaa|mx|dns|valid)(?:,? (?:or )?(?:a|aaaa|mx"
    r"|dns))* records? (?:found )?(?:for|exist|in dns)",
    r"(?:dom[aä]ne?|domaine|dominio|dom[ií]nio|domein)\S{0,3}.{0,40}(?:existiert nicht"
    r"|nicht (?:gefunden|bekannt)|unbekannt|ung(?:ue|ü)ltig|n[’']existe pas|introuvable|inconnu"
    r"|no existe|inexistente|inesistente|n[aã]o existe|bestaat niet|onbekend)"
    r"|homme? serveur inconnu",
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
    r"account is (?:temporarily |currently )?limited|\buser hang ?up\b",
    r"(?:mail ?box|account|user|address|recipient)\S{0,3} (?:(?:has been|is|was) )?(?:blocked"
    r"|disabled|suspended|locked|frozen|deactivated|closed) (?:due to|because of|for"
    r"|by) (?:inactiv|non-?use|lack|abuse|admin|the (?:admin|system|owner|user)|unpaid|billing"
    r"|policy)|(?:disabled|dormant) (?:due to|because)",
    r"(?:user|account|mailbox|recipient|address)\S{0,3} (?:(?:is|was|are) )?(?:not|in|isn't"
    r"|no longer|currently not|temporarily not) ?(?:an? )?active\b|user isn't active"
    r"|administratively disabled|mailbox_?disabled|account_?disabled|accountdisabled"
    r"|mailboxdisabled|\bhas been (?:suspended|disabled|discontinued|deactivated)"
    r"|(?:disabled or discontinued|over ?due|unpaid)|mailbox is (?:currently "
    r"|temporarily )?(?:unavailable (?:due|because) .{0,20}(?:inactiv|suspen)|inaccessible)",
    r"(?:invalid|unknown) ?(?:/|or) ?(?:inactive|disabled|suspended)|(?:email|e-mail|mail"
    r"|address) (?:no longer|not) accepts? (?:mail|messages)|(?:user|account"
    r"|mailbox).{0,30}(?:awaiting activation|not activated|not yet activated|never logged)",
    r"(?:konto|postfach|mailbox|benutzer)\S{0,3}.{0,30}(?:ist )?(?:gesperrt|deaktiviert|inaktiv"
    r"|stillgelegt|abgeschaltet)|(?:compte|bo[iî]te|adresse)\S{0,3}.{0,40}(?:désactiv[ée]"
    r"|bloqu[ée]|suspendu|inacti|ferm[ée])|(?:cuenta|buz[oó]n|conta|caixa|casella"
    r"|account)\S{0,3}.{0,30}(?:suspend|desactivad|inactiv|inativ|bloque|disattiv|disabilitat"
    r"|sospes|bloccat)",
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
    r"(?:has|have) left (?:the )?(?:company|organi[sz]ation|us|school|university)"
    r"|no longer (?:an? )?(?:employee|employed|on server|works)|(?:has|have) (?:a )?(?:new"
    r"|changed).{0,20}(?:e-?mail )?address|address has changed|has moved to|is no longer with"
    r"|(?:nicht mehr|ne travaille plus|ya no trabaja|non lavora più)",
    r"(?:user|recipient|mailbox|address|he|she|person|employee) has (?:moved|left"
    r"|changed|been (?:moved|changed|replaced))|has moved|moved to|mailbox moved",
    r"no longer (?:at|with|works|employed|here)|(?:new|changed) e-?mail address"
    r"|has been replaced by|user not local; (?:please )?try",
    r"ist verzogen|a changé d'adresse|移転|変更になりました",
)
USER_UNKNOWN = (
    r"do(?:es)? not have (?:an? |any )?(?:account|user|mailbox) (?:by|with|of|named)",
    r"no matches to (?:nameserver )?query|unavailable mail user|not (?:a )?user (?:of|on|at) this"
    r"|do(?:es)?(?: not|n't) exists? (?:that|this|such) user",
    r"invalid (?:\w+ ){0,3}(?:user ?id|userid)|(?:did not|didn't|does not|doesn't) match (?:any"
    r"|a)\b|not (?:listed )?in (?:the |our |this )?(?:\w+ )?director"
    r"|nicht im .{0,30}(?:verzeichnis|adressbuch)|(?:no (?:figura|aparece|consta)|non (?:elencat"
    r"|presente|figura)|(?:pas|non) (?:répertorié|dans l)|niet (?:vermeld|opgenomen"
    r"|voor) ?in|não (?:listad|consta|figura)|nie (?:jest|figuruje|występuje)|нет в|не указан"
    r"|není (?:uveden|v)|finns inte (?:med )?i|ei ole luettelo"
    r").{0,40}(?:direct|diret[óo]ri|annuaire|rubrica|elenco|r[ée]pertoire|adres|domino|catalog"
    r"|katalog|каталог|адресн)|リストされていません|未列在|未列於|(?:bruger\w*"
    r"|modtager\w*|adressen?|konto\w*|bruker\w*|mottaker\w*)\S{0,3} (?:[^.;]{1,60} )?(?:findes"
    r"|finnes|eksisterer) ikke",
    r"(?:user|recipient|mailbox|account|address|name|destination|mail)(?:s|es)?\b\W{0,6}(?:is"
    r"|was|are"
    r"|were|seems to be|appears to be) (?:un|not )(?:known|recogni[sz]ed)"
    r"|неизвестн\w+ (?:получател"
    r"|адрес|пользовател)|onbekende? (?:gebruiker|ontvanger|adres)|(?:nieznany|neznámý|okänd"
    r"|ukendt|ukjent|tuntematon|bilinmeyen|ismeretlen)\w* (?:\w+ )?(?:u[zż]ytkownik|adresat"
    r"|u[žz]ivatel|p[řr][ií]jemce|mottagar|modtager|mottaker|anv[äa]ndar|bruger|bruker"
    r"|vastaanottaj|al[ıi]c[ıi]|kullan[ıi]c[ıi]|c[ií]mzett|felhaszn)",
    r"(?:user|recipient|receiver|mailbox|account|rcpt|mail|address)\S{0,3} (?:(?:does|do|did|may"
    r"|is|are|was) )?not? (?:exist|found|known)",
    r"(?:recipient|address|user|rcpt)\S{0,3}(?: address)? (?:verif\w+ fail|verify fail"
    r"|cannot be verified|could not be verified|verification fail)|can(?:'t|not"
    r"| not) verify (?:the )?(?:recipient|address|user)",
    r"not in (?:my|our|the) (?:valid|list of valid|rcpt|recipient|user|local)|validrcptto"
    r"|is unknown (?:here|to|at)|not familiar with|(?:nobody|no one|no-one|no user|no mailbox"
    r"|no account)\b.{0,20}\b(?:here|by that|by this|with that|at this)",
    r"recip(?:ient)?notfound|\bresolver\.adr\.(?:ex)?recip|invalid_phone|(?:number|phone"
    r"|subscriber|msisdn) (?:is )?(?:invalid|unknown|not (?:valid|found|in service))",
    r"(?:address|user|account|recipient|mailbox)\S{0,3} (?:(?:you (?:entered|specified"
    r"|tried to reach|are trying to (?:reach|contact))|that you tried to reach) )(?:does not"
    r"|doesn't|did not|could not|couldn't|cannot|was not|is not|wasn't|isn't|may not|might not)",
    r"(?:the )?address couldn't be found|wasn't found at|couldn't (?:be )?f(?:ound|ind) (?:any "
    r"|the |a |this )?(?:mailbox|user|recipient|account|address)|(?:unable|not able"
    r"|failed) to find (?:alias |local |the |a )*(?:user|recipient|mailbox|account)"
    r"|unknown (?:account|local[- ]part|address|alias|mailbox|name|person|virtual|customer"
    r"|subscriber)",
    r"does ?n[o']t (?:have|exist).{0,25}(?:account|mailbox|inbox|yahoo)|dosn't exist"
    r"|do(?:es)? ?n[o']t have an? .{1,40} account|(?:user|mailbox|account|recipient|address"
    r"|alias)\S{0,3} (?:(?:is|was|has been|not) )?(?:not present|misspelled|non-?exist\w+"
    r"|no longer (?:valid|exist\w*|available)|unavailable or access denied)",
    r"recipient unknown|unknown[:-] ?(?:user|recipient)|mailbox (?:invalid|unknown|missing)"
    r"|(?:user|recipient|account) (?:missing|invalid)|address (?:invalid|does not)"
    r"|unable to chdir to maildir|not available in ldap|unknown virtual|rcpt (?:rejected|unknown)",
    r"(?:empf(?:ae|ä)nger|benutzer|adressat|postfach|mailbox|nutzer"
    r"|konto)\S{0,4} (?:\S+ ){0,4}(?:unbekannt|existiert nicht|nicht (?:gefunden|bekannt"
    r"|vorhanden|g(?:ue|ü)ltig|existent|eingerichtet)|ung(?:ue|ü)ltig|kein(?:en|e)? (?:account"
    r"|konto|postfach|mailbox))|kein(?:en|e)? (?:solche\w* )?(?:benutzer|empf(?:ae|ä)nger"
    r"|account|mailbox|postfach)|unbekannter? (?:benutzer|empf(?:ae|ä)nger|adresse|nutzer)",
    r"(?:destinataire|utilisateur|adresse|compte|bo[iî]te)\S{0,4}.{0,40}(?:inconnu|inexistant"
    r"|n[’' ]existe (?:pas|plus)|invalide|introuvable|erron[ée]e?)|pas d[’']utilisateur"
    r"|aucun (?:utilisateur|destinataire|compte)",
    r"(?:nessun|nessuna) (?:utente|casella|account)|(?:cuenta|usuario|correo|destinatario"
    r"|direcci[oó]n)\S{0,3}.{0,30}no (?:existe|v[aá]lid|es v[aá]lid|encontrad)|no such (?:email"
    r"|e-mail|address|recipient|mailbox|user|account|local|person|id|customer)",
    r"(?:bruker|brukeren|anv[äa]ndaren?|mottagaren?|modtageren?|vastaanottaja\w*"
    r"|k[äa]ytt[äa]j[äa]\w*)\S{0,3}.{0,30}(?:finnes ikke|finns inte|ukendt|ukjent|ok[äa]nd"
    r"|findes ikke|tuntematon|ei l[öo]ydy)|(?:adresaat|kullan[ıi]c[ıi]|al[ıi]c[ıi]|u[zž]ivatel"
    r"|p[řr][ií]jemce|c[ií]mzett|felhaszn[aá]l[oó])\S{0,4}.{0,30}(?:bulunamad|bulunmuyor"
    r"|neexistuje|nenalezen|nezn[aá]m|ismeretlen|nem l[eé]tezik)|(?:수신자|사용자"
    r"|메일 ?주소).{0,20}(?:없"
    r"|존재하지|알 수)|無此(?:用戶|使用者|帳號|收件人)|(?:用戶|使用者|帳號|收件人"
    r"|信箱).{0,10}不存在",
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
    r"(?:宛先|ユーザ|アドレス|メールボックス|受信者).{0,40}(?:存在し|見つか|不明|ありませ|間違"
    r"|正しく)|存在しません|不存在|无此用户|查无此"
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
FILTERED = (
    r"rejected by (?:the )?recipients?\b(?!\S{0,2} (?:\w+ )?(?:domain|server|system|host|gateway))",
    r"(?:recipient|user|addressee)(?:'s|s')? (?:\w+ )?(?:filters?|preferences) ",
    # au answers so, without the address, when the recipient's own filter refuses.
    r"\b550:? ?(?:<>)?: user unknown",
    r"\brcp-[pt][2-9]\b|recipient(?:'s|s)? (?:\w+ )?(?:preferences|privacy settings|settings)"
    r"|(?:extended|prolonged) inactivity|not (?:currently )?being accepted for this",
    r"(?:recipient|addressee|user|owner|mailbox)\S{0,3} (?:(?:has|have|is) )?(?:blocked (?:you"
    r"|your|mail|messages|e-?mail)|refus(?:es|ing|ed) (?:you|your|mail|to accept|to receive)"
    r"|reject(?:s|ed|ing) (?:you|your|mail)|(?:does not|doesn't|do not|won't|will not"
    r"|not) (?:want|accept(?:s|ing)?|receive)(?: to receive)? (?:any )?(?:mails?|messages?"
    r"|e-?mails?|you))",
    r"(?:by|of|in|on) (?:the |this )?(?:recipient|user|addressee"
    r"|mailbox owner)(?:'?s)? (?:\w+ )?(?:filters?|block ?list|black ?list|rules?|anti-?spam"
    r"|spam settings|deny list|sieve)|recipient filters?|(?:not (?:in|on)|isn't (?:in"
    r"|on)) (?:the |his |her |their |this )?(?:recipient(?:'?s)? |user(?:'?s)? )?(?:white ?list"
    r"|allow ?list|safe ?list|contact|address ?book|buddy)|only accepts? (?:mail|messages"
    r"|e-?mail) from (?:people|known|approved|white|contacts|specific)",
    r"badrcptto|envelope recipient (?:is|has been) (?:in my bad|denied)"
    r"|rule imposed mailbox access|refused by (?:the )?(?:recipient|user|addressee)"
    r"|disallowed (?:by|recipient)",
)
HOST_FIRM = (r"(?:account or )?domain may not exist|no (?:dns entry|mx or a record)",)
