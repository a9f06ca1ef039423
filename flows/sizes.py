"""Numbers of bytes as people read them."""

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size_text(value: float) -> str:
    """Bytes in the unit that fits, with one decimal: ``0 B``, ``812 B``, ``34.5 KiB``, ``1.2 TiB``."""
    unit = 0
    while round(value, 1 if unit else 0) >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:,.1f} {UNITS[unit]}" if unit else f"{value:.0f} B"
