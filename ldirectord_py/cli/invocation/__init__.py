"""What a command line says, and what it names: its configuration and its daemon."""
