"""The exchange of cosignatures: what each member says of a checkpoint, gathered until a quorum of them stands behind it.

voters      whose lines count on a checkpoint: the members in force before its block
head        one checkpoint and what was said of it
past        checkpoints that lie in the ledger's file
ahead       lines on checkpoints that this node has not reached
keeper      all of it: takes lines, counts organisations, tells those who wait
message     what goes over the wire
courier     one thread for one peer
cosigning   a node's part: signs, sends, answers, keeps, raises alarms
routes      the way in over HTTP
"""
