"""A second implementation of protocol 1, written from docs/spec alone: it imports nothing of Muniment's.

It is slow, and takes the form of events and files on trust (pages 12.2, 12.3; step 1 of 10.5); what it computes is all the
rest of pages 1 to 12. Where it and the code differ one of them, or the page between them, is wrong.

    machine.Ledger      pages 4 to 9: genesis, state machine, records, headers
    verifier.verify     pages 8 to 11: answers, step by step
"""
