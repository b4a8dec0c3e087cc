"""The gate before something that is about to serve: may these files start, now, as this deployment?

    gated = entrance.gate(settings, "production/credit-risk", "out/model", Terms(max_age=7 * 86_400))
    gated.allowed, gated.code, gated.sentences

The ledger is asked, and its answer, with its proof, is kept beside the files. Where the ledger cannot be asked, that answer is
verified with the trust file alone and lets the very same version start again while it is not too old. Everything else fails
closed: another version, no answer, one that does not verify. A person with a key may break the glass, which is recorded.
"""
