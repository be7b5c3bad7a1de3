"""基础档案: the files that everything else points at: customers, vehicles, product batches, dealers, staff."""
