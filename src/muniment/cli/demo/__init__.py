"""`muniment demo`: a real model's life, the question that it is all for, and everything that an attacker may try.

place       the folder that a demo lives in          learning    a real model, trained with scikit-learn
text        how it is told                           story       what happens to the model, and who says so
asking      the question, and every proof checked    tampering   attacks on a copy of the file
forging     attacks on proofs, and with foreign signatures
"""
