"""How small a chance must be before anything of life is told, and how often it must be so."""

from __future__ import annotations

# Of wearers with nothing to find, at most 2.5 % may be told anything by this room. Its invented
# days know how strongly days follow each other only as far as some weeks show it, so less is
# asked for. What lives with nothing to find are told: benchmarks/insight_rates_life.py.
BUDGET = 0.015
# It is so on most of the days that count.
MOST = 0.6
