"""基础档案: the files that everything else points at: customers, product batches, dealers."""
