"""The ground floor: workspace, store, records, documents, text safety, errors."""
