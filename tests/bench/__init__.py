"""What an event costs each service."""
