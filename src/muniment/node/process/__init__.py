"""The processes of a node: a small supervisor, the application, and CometBFT.

    muniment node start  ->  becomes  python -m muniment.node.process     starts, watches, stops, starts again
                               |- python -m muniment.node.service.process     the ledger, HTTP, cosigning
                               `- cometbft node                                   orders blocks, asks the application

The supervisor imports the standard library only, and little of it. Modules that the application uses too are `supervised` (its end
of the line between them) and `record` (what the supervisor writes down for `muniment node status`).
"""
