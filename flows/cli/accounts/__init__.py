"""``accounts``: who may sign in to the dashboards, and what they did."""
