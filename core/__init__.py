"""What every floor shares: workspace, store, corpus, encoder, records, statistics, search."""
