"""The upstream side: connection, list and watch, decoding. The only importer of kubernetes_asyncio."""
