"""LLRP 1.0.1 and 1.1 for UHF gates: tables, codec, conversation, shell."""
