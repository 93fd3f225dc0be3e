"""What a run trains on."""
