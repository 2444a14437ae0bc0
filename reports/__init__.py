"""What is shown: leaderboards, statistics, drawings and figures."""
