"""The demo: a real Home Assistant with a wearer, started by scripts/demo."""
