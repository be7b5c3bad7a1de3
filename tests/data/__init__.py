"""What goes in and out: imports, the demo company."""
