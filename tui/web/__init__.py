"""The same app in a browser, one process for each visitor."""
