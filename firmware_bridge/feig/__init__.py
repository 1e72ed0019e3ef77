"""FEIG OBID readers in ISO host mode (manual H20800): frames, commands, and a driver over a transport."""
