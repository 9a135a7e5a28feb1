"""What a mailbox is for: told by the server, or guessed from its name. RFC 6154, contract B-067."""

from __future__ import annotations

import unicodedata

from postroad.domain.mailbox import SpecialUse
from postroad.protocol.imap.listing import ListEntry

_BY_ATTRIBUTE = {
    "\\inbox": SpecialUse.INBOX,
    "\\sent": SpecialUse.SENT,
    "\\drafts": SpecialUse.DRAFTS,
    "\\junk": SpecialUse.JUNK,
    "\\trash": SpecialUse.TRASH,
    "\\archive": SpecialUse.ARCHIVE,
    "\\all": SpecialUse.ALL,
    "\\flagged": SpecialUse.FLAGGED,
    # XLIST's own words
    "\\spam": SpecialUse.JUNK,
    "\\allmail": SpecialUse.ALL,
    "\\starred": SpecialUse.FLAGGED,
}

# Names that mail programs and providers give in their users' languages, the commonest first.
_NAMES: dict[SpecialUse, str] = {
    SpecialUse.SENT: """
        Sent|Sent Items|Sent Mail|Sent Messages|Sent Mails|Outbox Sent
        Gesendet|Gesendete Objekte|Gesendete Elemente|Gesendete Nachrichten|Gesendete E-Mails
        Envoyés|Éléments envoyés|Messages envoyés|Courrier envoyé|Courriels envoyés|Objets envoyés
        Enviados|Elementos enviados|Mensajes enviados|Correo enviado|Enviats|Bidaliak
        Itens enviados|Mensagens enviadas|E-mails enviados|Enviadas
        Inviata|Inviati|Posta inviata|Elementi inviati|Messaggi inviati
        Verzonden|Verzonden items|Verzonden berichten|Verzonden objecten
        Skickat|Skickade|Skickade objekt|Skickade meddelanden
        Sendt|Sendte|Sendt post|Sendte elementer|Sendte meldinger
        Lähetetyt|Lähetetyt viestit|Saadetud|Saadetud kirjad|Nosūtītie|Nosūtītās|Išsiųsta|Išsiųsti
        Wysłane|Elementy wysłane|Wysłane elementy|Odeslané|Odeslaná pošta|Odeslaná|Odoslané
        Odoslaná pošta|Elküldött|Elküldött elemek|Elküldött üzenetek|Poslano|Poslato|Poslane stavke
        Trimise|Elemente trimise|Mesaje trimise|Изпратени|Отправленные|Отправлено|Надіслані
        Відправлені|Послато|Απεσταλμένα|Gönderilmiş|Gönderilenler|Gönderilmiş Öğeler
        Gönderilmiş Postalar|Gönderilen|פריטים שנשלחו|נשלח
        المرسل|العناصر المرسلة|البريد المرسل
        ارسال شده|भेजे गए|送信済み|送信済みアイテム|送信済みメール|已发送|已发送邮件|已傳送|寄件備份
        寄件匣備份|보낸 편지함|보낸편지함|보낸메일함|จดหมายที่ส่งแล้ว|ส่งแล้ว|Đã gửi|Thư đã gửi|Terkirim
    """,
    SpecialUse.DRAFTS: """
        Drafts|Draft|Draft Messages
        Entwürfe|Entwurf|Brouillons|Brouillon|Borradores|Borrador|Esborranys|Zirriborroak
        Rascunhos|Rascunho|Bozze|Bozza|Concepten|Concept|Utkast|Kladder|Kladde
        Luonnokset|Mustandid|Melnraksti|Juodraščiai|Kopie robocze|Szkice|Wersje robocze
        Koncepty|Rozpracované|Rozepsané|Piszkozatok|Vázlatok|Osnutki|Skice|Nacrti
        Ciorne|Schițe|Чернови|Черновики|Чернетки|Нацрти|Πρόχειρα|Taslaklar|Taslak
        טיוטות|المسودات|مسودات|پیش‌نویس‌ها|ड्राफ़्ट|下書き|草稿|草稿箱|草稿匣|임시 보관함|임시보관함
        ร่าง|แบบร่าง|จดหมายร่าง|Thư nháp|Bản nháp|Draf|Konsep
    """,
    SpecialUse.JUNK: """
        Junk|Spam|Junk E-mail|Junk Email|Junk Mail|Bulk Mail|Bulk|Spamverdacht
        Junk-E-Mail|Werbung|Unerwünscht|Courrier indésirable|Indésirables|Pourriel|Pourriels
        Correo no deseado|No deseado|Correo basura|Correu brossa|Lixo Eletrônico|Lixo eletrónico
        E-mail de lixo|Correio eletrônico não solicitado|Posta indesiderata|Indesiderata
        Ongewenste e-mail|Ongewenst|Reclame|Skräppost|Søppelpost|Uønsket e-post|Uønsket post
        Uønsket mail|Roskaposti|Rämpspost|Mēstules|Šlamštas|Wiadomości-śmieci|Śmieci
        Niechciana poczta|Nevyžádaná pošta|Nevyžiadaná pošta|Levélszemét|Kéretlen|Neželena pošta
        Vsiljena pošta|Neželjena pošta|Mesaje nedorite|Нежелана поща|Нежелательная почта|Спам
        Небажана пошта|Ανεπιθύμητα|Ανεπιθύμητη αλληλογραφία|Önemsiz|Önemsiz E-posta|Gereksiz
        דואר זבל|ספאם|البريد غير الهام|بريد غير هام|هرزنامه|स्पैम|迷惑メール|垃圾邮件|垃圾郵件
        垃圾信件匣|스팸|스팸함|스팸메일함|정크 메일|อีเมลขยะ|จดหมายขยะ|Thư rác|Sampah spam
    """,
    SpecialUse.TRASH: """
        Trash|Deleted Items|Deleted Messages|Deleted|Bin|Deleted Mail|Rubbish
        Papierkorb|Gelöscht|Gelöschte Objekte|Gelöschte Elemente|Gelöschte Nachrichten
        Corbeille|Éléments supprimés|Messages supprimés|Supprimés|Poubelle
        Papelera|Elementos eliminados|Eliminados|Mensajes eliminados|Paperera|Zakarrontzia
        Lixeira|Itens excluídos|Itens eliminados|Lixo|Reciclagem|Mensagens excluídas
        Cestino|Posta eliminata|Elementi eliminati|Eliminati
        Prullenbak|Verwijderde items|Verwijderd|Verwijderde berichten
        Papperskorgen|Papperskorg|Borttaget|Borttagna objekt|Slettet|Slettede|Slettede elementer
        Papirkurv|Slettet post|Slettede meldinger|Roskakori|Poistetut|Poistetut viestit
        Prügikast|Kustutatud|Miskaste|Dzēstie|Atkritne|Šiukšlinė|Šiukšliadėžė
        Kosz|Elementy usunięte|Usunięte|Koš|Odstraněná pošta|Odstraněné|Kôš|Odstránené položky
        Kuka|Lomtár|Törölt elemek|Törölt|Koš za smeće|Otpad|Smeti|Izbrisano|Obrisano|Smeće
        Coș de gunoi|Gunoi|Elemente șterse|Șterse|Кошче|Изтрити|Корзина|Удаленные|Удалённые
        Кошик|Видалені|Смеће|Κάδος απορριμμάτων|Απορρίμματα|Διαγραμμένα|Çöp|Çöp Kutusu
        Silinmiş Öğeler|Silinenler|אשפה|פריטים שנמחקו|המחוקים|المهملات|سلة المهملات|العناصر المحذوفة
        زباله‌دان|ट्रैश|ゴミ箱|ごみ箱|削除済みアイテム|已删除|已删除邮件|已刪除|废件箱|垃圾桶|刪除的郵件
        휴지통|지운 편지함|삭제된 메일함|ถังขยะ|รายการที่ลบ|Thùng rác|Đã xóa|Tempat Sampah|Sampah
    """,
    SpecialUse.ARCHIVE: """
        Archive|Archives|Archived|Archiv|Archief|Arkiv|Archivo|Archivados|Arquivo|Arquivados
        Archivio|Archivia|Arkisto|Arhiiv|Arhīvs|Archyvas|Archiwum|Archív|Archívum|Arhiv|Arhiva
        Arhivă|Архив|Архів|Архива|Αρχείο|Αρχειοθήκη|Arşiv|ארכיון|الأرشيف|أرشيف|アーカイブ|归档|存档|封存
        보관|보관함|편지 보관함|เก็บถาวร|Lưu trữ|Arsip|Arxiu|Artxiboa
    """,
}


def _fold(name: str) -> str:
    """One form of a name for all its spellings: case, compatibility forms, ``_`` and ``-``."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(folded.replace("_", " ").replace("-", " ").split())


_BY_NAME = {
    _fold(name): (use, rank)
    for use, names in _NAMES.items()
    for rank, name in enumerate(
        name for line in names.strip().splitlines() for name in line.split("|")
    )
}


def by_attribute(entry: ListEntry) -> SpecialUse | None:
    """The use that the server told, by SPECIAL-USE or XLIST."""
    for attribute in entry.attributes:
        use = _BY_ATTRIBUTE.get(attribute.lower())
        if use is not None:
            return use
    return None


def by_name(name: str) -> tuple[SpecialUse, int] | None:
    """The use that a mailbox of this name (its last level) most likely has.

    The number ranks candidates for the same use; the lowest is the likeliest.
    """
    return _BY_NAME.get(_fold(name))
