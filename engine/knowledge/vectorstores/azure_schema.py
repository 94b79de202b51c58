"""What is made in Azure AI Search: the index, and for integrated vectorisation skillset, data source and indexer. Pure.

Names and values of the index follow seed 000's set-up; the JSON is that of the service's REST reference, 2024-07-01.
"""

from typing import Any

from engine.config.vectorstores import AzureSearchOptions

SPLIT_SKILL = "#Microsoft.Skills.Text.SplitSkill"
EMBED_SKILL = "#Microsoft.Skills.Text.AzureOpenAIEmbeddingSkill"


def _field(name: str, kind: str = "Edm.String", **more: Any) -> dict[str, Any]:
    """Nothing but retrievable, unless ``more`` says so."""
    return {"name": name, "type": kind, "searchable": False, "filterable": False, "sortable": False,
            "facetable": False, "retrievable": True, **more}


INTEGRATED_FIELDS: list[dict[str, Any]] = [
    _field("chunk_id", key=True, searchable=True, filterable=True, sortable=True, analyzer="keyword"),
    _field("parent_id", filterable=True, sortable=True),
    _field("title", searchable=True),
    _field("chunk", searchable=True),
    _field("text_vector", "Collection(Edm.Single)", searchable=True, stored=True, vectorSearchProfile="vectors"),
]
FIELDS: list[dict[str, Any]] = [
    *INTEGRATED_FIELDS,
    _field("heading", "Collection(Edm.String)", searchable=True),
    _field("questions", "Collection(Edm.String)", searchable=True),
    _field("words", searchable=True, analyzer="whitespace"),  # our own terms: stems, Indic words whole
    _field("tags", "Collection(Edm.String)", filterable=True),
    _field("language", filterable=True),
    _field("page", "Edm.Int32"),
    _field("from_day", "Edm.Int32", filterable=True),
    _field("until_day", "Edm.Int32", filterable=True),
    _field("valid_from"), _field("valid_until"), _field("say"), _field("uri"), _field("more"),
]  # fmt: skip


def index_json(name: str, dim: int, options: AzureSearchOptions, openai_key: str) -> dict[str, Any]:
    """The index: HNSW with cosine; a vectoriser where the service embeds questions; a semantic configuration where it
    is wanted."""
    integrated = bool(options.integrated.openai_url)
    fields = [{**field, "dimensions": dim} if field["name"] == "text_vector" else dict(field)
              for field in (INTEGRATED_FIELDS if integrated else FIELDS)]
    profile = {"name": "vectors", "algorithm": "hnsw"}
    vector_search: dict[str, Any] = {
        "algorithms": [{"name": "hnsw", "kind": "hnsw", "hnswParameters": {"metric": "cosine"}}], "profiles": [profile]}
    if integrated:
        profile["vectorizer"] = "openai"
        vector_search["vectorizers"] = [
            {"name": "openai", "kind": "azureOpenAI", "azureOpenAIParameters": _openai(options, openai_key)}]
    index: dict[str, Any] = {"name": name, "fields": fields, "vectorSearch": vector_search}
    if options.semantic:
        index["semantic"] = {"defaultConfiguration": "default", "configurations": [{
            "name": "default", "prioritizedFields": {"titleField": {"fieldName": "title"},
                                                     "prioritizedContentFields": [{"fieldName": "chunk"}]}}]}
    return index


def skillset_json(name: str, index: str, options: AzureSearchOptions, openai_key: str) -> dict[str, Any]:
    """Split into overlapping pages, embed each, project each into the index as a document of its own."""
    wanted = options.integrated
    split = {"@odata.type": SPLIT_SKILL, "name": "split", "context": "/document", "textSplitMode": "pages",
             "maximumPageLength": wanted.page_chars, "pageOverlapLength": wanted.overlap_chars,
             "inputs": [{"name": "text", "source": "/document/content"}],
             "outputs": [{"name": "textItems", "targetName": "pages"}]}
    embed = {"@odata.type": EMBED_SKILL, "name": "embed", "context": "/document/pages/*",
             **_openai(options, openai_key), "dimensions": wanted.dims,
             "inputs": [{"name": "text", "source": "/document/pages/*"}],
             "outputs": [{"name": "embedding", "targetName": "text_vector"}]}
    mappings = [{"name": "chunk", "source": "/document/pages/*"},
                {"name": "text_vector", "source": "/document/pages/*/text_vector"},
                {"name": "title", "source": "/document/metadata_storage_name"}]
    return {"name": name, "skills": [split, embed], "indexProjections": {
        "selectors": [{"targetIndexName": index, "parentKeyFieldName": "parent_id",
                       "sourceContext": "/document/pages/*", "mappings": mappings}],
        "parameters": {"projectionMode": "skipIndexingParentDocuments"}}}


def data_source_json(name: str, connection: str, container: str) -> dict[str, Any]:
    """The blobs; those that are softly deleted leave the index too."""
    return {"name": name, "type": "azureblob", "credentials": {"connectionString": connection},
            "container": {"name": container}, "dataDeletionDetectionPolicy": {
                "@odata.type": "#Microsoft.Azure.Search.NativeBlobSoftDeleteDeletionDetectionPolicy"}}


def indexer_json(name: str, source: str, skillset: str, index: str) -> dict[str, Any]:
    """What reads the data source through the skillset into the index."""
    return {"name": name, "dataSourceName": source, "skillsetName": skillset, "targetIndexName": index}


def _openai(options: AzureSearchOptions, key: str) -> dict[str, str]:
    """The embedding model. Without a key the service signs in with its managed identity."""
    wanted = options.integrated
    return {"resourceUri": wanted.openai_url, "deploymentId": wanted.openai_deployment,
            "modelName": wanted.openai_model, **({"apiKey": key} if key else {})}
