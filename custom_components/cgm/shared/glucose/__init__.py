"""Glucose readings: from a vendor's answer to what is true now, with or without Home Assistant."""
