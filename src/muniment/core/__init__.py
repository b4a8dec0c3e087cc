"""What is true whoever runs it: formats, rules and proofs. Bytes and values in, values out; no input or output, no clock, no chance."""
