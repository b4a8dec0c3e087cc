"""The exchange of cosignatures: what each member says of a checkpoint, gathered until a quorum of them stands behind it.

voters      whose lines count on a checkpoint: the members in force before its block
head        one checkpoint and what was said of it
past        checkpoints that lie in the ledger's file
ahead       lines on checkpoints that this node has not reached
keeper      all of it: counts organisations, publishes, tells those who wait
intake      what others sent: verified, then kept, or shown to contradict this ledger
sealing     a member's own line; keyring has the keys for it
renewal     the same line anew, while nothing happens
message     what goes over the wire
courier     one thread for one peer
troubles    what alarms are raised about
cosigning   a node's part: signs, sends, answers, keeps
routes      the way in over HTTP
"""
