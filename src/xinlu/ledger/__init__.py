"""The ledger: records in two time axes, where they came from, the standings, and the columnar copy."""
