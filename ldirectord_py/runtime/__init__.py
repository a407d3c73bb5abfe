"""Tools for asyncio and Unix that know nothing of load balancing and import nothing of this project."""
