"""The verifiable map from stream names to records (docs/spec, section 9).

    rule      how keys, leaves, nodes and running heads are hashed
    scan      the root of all records at once
    tree      the cache over one store: plan -> read -> build, and paths for proofs
    heap      the nodes of that cache
    record    the value of a stream
    proof     presence and absence: prove and check
    history   a record as of a past header

The root is a function of the set of records alone, so how they are stored and cached may change without a signature noticing.
"""

from __future__ import annotations

from muniment.core.format.state_map.history import History, Link, Past, Standing, check_history, compare, prove_history
from muniment.core.format.state_map.proof import (
    Other,
    StateProof,
    check,
    climb,
    decode_proof,
    encode_proof,
    prove_absence,
    prove_presence,
)
from muniment.core.format.state_map.record import MAX_RECORD_BYTES, Record, decode_record, encode_record
from muniment.core.format.state_map.rule import EMPTY, fold, key, leaf, leaf_of_digest
from muniment.core.format.state_map.scan import Row, bulk, bulk_cells
from muniment.core.format.state_map.tree import Change, Path, Range, Tree

__all__ = [
    "EMPTY",
    "MAX_RECORD_BYTES",
    "Change",
    "History",
    "Link",
    "Other",
    "Past",
    "Path",
    "Range",
    "Record",
    "Row",
    "Standing",
    "StateProof",
    "Tree",
    "bulk",
    "bulk_cells",
    "check",
    "check_history",
    "climb",
    "compare",
    "decode_proof",
    "decode_record",
    "encode_proof",
    "encode_record",
    "fold",
    "key",
    "leaf",
    "leaf_of_digest",
    "prove_absence",
    "prove_history",
    "prove_presence",
]
