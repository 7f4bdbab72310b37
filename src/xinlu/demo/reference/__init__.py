"""The reference province: any fraction of 50 million records, made from the catalogue, for benchmarks and measures."""
