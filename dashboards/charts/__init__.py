"""The charts as ECharts options, a module for each page or subject; :mod:`options` has what they share."""
