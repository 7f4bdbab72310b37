"""Assessment: runs of rulebooks over the ledger, their publication, explanation and comparison."""
