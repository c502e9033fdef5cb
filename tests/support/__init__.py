"""What the suites in Python share: processes, a relay, a subscriber, installed packages, the table of results."""
