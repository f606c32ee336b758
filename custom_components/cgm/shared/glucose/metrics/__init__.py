"""Clinical measures of glucose: pure functions over one wearer's readings, one measure a file."""
