"""Bringing back a node whose ledger came out differently from the others', while it is stopped.

`engine` what CometBFT's own store says, and how it is taken back · `diagnosis` up to where the ledger here is right ·
`decision` which way back · `plan` what was decided, so that a repair that was killed goes on ·
`rebuild` the right part, made again from its entries · `mending` all of it in order
"""
