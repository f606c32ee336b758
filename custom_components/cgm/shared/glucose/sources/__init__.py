"""Where readings come from: one file a vendor, behind the protocol in source.py."""
