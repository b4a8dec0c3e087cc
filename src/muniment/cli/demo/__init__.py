"""`muniment demo`: a real model's life, the question that it is all for, and everything that an attacker may try.

place       the folder that a demo lives in          learning    a real model, trained with scikit-learn
text        how it is told                           diary       what was recorded, and what was refused
rules       the policy of the demo's ledger          founding    the people and the data
release     one version on its way                   story       what happens to the model, and who says so
aftermath   a failed test, a stolen key, wrong data  asking      the question, and every proof checked
attack      what an attack is                        tampering   attacks on a copy of the file
forging     attacks on proofs, and with foreign signatures
"""
