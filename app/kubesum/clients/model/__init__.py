"""The model of a client's views: objects, columns and tables, without any user interface toolkit."""
