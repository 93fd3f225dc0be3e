"""Labels and scores out of the store, in the formats that training and evaluation read."""
