"""When glucose, or its absence, must reach somebody: rules, states and what has just happened."""
