"""信息与投诉受理: how quality information and complaints come in, are passed on and answered."""
