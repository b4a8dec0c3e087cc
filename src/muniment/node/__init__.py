"""The ledger behind CometBFT (extra `consortium`).

founding     from a draft to sealed homes: what members agree on before there is a node
engine       CometBFT itself: built here, told its settings, asked over its RPC
process      the supervisor and its two children; `muniment doctor` and `node status` look at them from outside
service      the application's process: all parts put together, and what it says of itself
abci, chain  what CometBFT asks, as messages; what the ledger answers
submitting   the way of an event into the chain
cosigning    the way of a checkpoint to its quorum, and to readers
light        what a newcomer believes of the chain, and asks of others
snapshots    how it takes the ledger from them
repair       how a node comes back whose ledger differs

homes, places, settings, peers and files: what lies in a node's folder. alarms: what a person should look at.
"""
