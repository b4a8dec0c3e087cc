"""Founding a consortium: a draft, an answer of every member, and the sealed file that all of them build alike.

muniment consortium new  -> Draft        (draft)      what is to be founded, for everybody to read
muniment consortium join -> Answer       (joining)    a member's public keys, each of which signs the whole answer
muniment consortium seal -> Consortium   (sealing)    the same bytes for all; each member builds its node's home from it
"""
