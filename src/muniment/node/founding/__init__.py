"""Founding a consortium: a draft, an answer of every member, and the sealed file that all of them build alike.

new     Draft        what is to be founded, for everybody to read              (draft, drafting, rules)
join    Answer       a member's public keys, each of which signs it whole      (answer, joining, engine_keys)
seal    Consortium   the same bytes for all; each builds its node from it      (consortium, sealing; preparing, moving)

`rotating` changes a member's keys later.
"""
