"""The charts as ECharts options, one module per page or subject; :mod:`options` has what they share."""
