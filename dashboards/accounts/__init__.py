"""Who may use the dashboards: accounts with roles, sessions and tokens, and the login page."""
