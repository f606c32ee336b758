"""The edge agent: gathers readings beside their source, and delivers every one of them."""

from pathlib import Path

__all__ = ["__version__"]


def _installed() -> str:
    """Return the version that the installer noted beside this package.

    importlib.metadata would tell it too, at the price of 6 MB of memory.
    """
    noted = Path(__file__).parent.parent.glob("cgm_edge_agent-*.dist-info")
    names = sorted(path.name for path in noted)
    if not names:  # run from a checkout
        return "0.0.0+source"
    return names[-1].removeprefix("cgm_edge_agent-").removesuffix(".dist-info")


__version__ = _installed()
