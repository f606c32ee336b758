"""Pictures of glucose as PNG, drawn from readings alone: the day, and the profile of many days."""
