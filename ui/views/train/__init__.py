"""The page that trains: its form, and a run as it trains and when it has come to rest."""
