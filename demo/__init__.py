"""The demo company: a maker of vehicles and parts in 重庆, with people, customers and fourteen months of work."""
