"""`muniment consortium demo`: four organisations on one machine, one story, one that fails, one that lies, one proof.

place     the folder, and who is who        nodes    four real nodes: processes that are started, killed, stopped
story     what they record                  trouble  a node that dies, and a member that lies
proof     what an outsider gets             command  the command itself
"""
