"""Vector stores outside this machine, behind one protocol: PostgreSQL, Qdrant, Pinecone, Azure AI Search."""
