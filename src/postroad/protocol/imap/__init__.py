"""The client side of IMAP4rev1 and IMAP4rev2, without sockets. RFC 3501, RFC 9051.

From the outside in: ``framer`` cuts the stream, ``response`` reads one frame (``cursor`` has the
tokens; ``status``, ``listing``, ``search``, ``fetch``, ``envelope``, ``structure`` the rules),
``commands`` spells what we ask, and ``session`` keeps both in step.
"""
