"""What a node that begins from a snapshot must know of the consensus engine's blocks, and what others tell it.

`vote` the bytes that validators sign · `commit` who signed a block · `calls` what may be asked of a node's engine ·
`routes` the path over HTTP where that is asked
"""
