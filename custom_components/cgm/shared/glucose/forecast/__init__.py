"""Where glucose will be in the next half hour, with nothing but readings to go by."""
