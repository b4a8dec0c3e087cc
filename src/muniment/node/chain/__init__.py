"""The ledger as CometBFT's application: the questions of ABCI in values of the ledger.

`application` what each question is answered with · `session` one connection that asks · `batch` a transaction of the chain ·
`opened` transactions whose signatures were verified · `moment` the time of a block
"""
