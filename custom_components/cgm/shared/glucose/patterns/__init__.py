"""What repeats over days and weeks: pure functions over one wearer's readings."""
