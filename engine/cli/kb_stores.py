"""``trunkline kb setup`` and ``kb migrate``: vector stores on other machines."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli import collection

if TYPE_CHECKING:
    from engine.config import Config
    from engine.knowledge.vectorstores.migrate import Progress

SETUP = """Make what a vector store needs for a collection: table, collection or index. Again is harmless.

The store is an entry of vector_stores: in the configuration, by its name, or by its kind where there is only one of
that kind (azure, pinecone, qdrant, pgvector). With integrated vectorisation of Azure AI Search, --documents uploads a
folder, and index, skillset, data source and indexer are made."""

MIGRATE = """Write a collection's passages with their vectors into a vector store; nothing is embedded again.

Interrupted, run it again: what is there already is passed over. The collection stays where it was. When it is done, set
knowledge.store to the entry's name."""

KINDS = {"azure": "azure_ai_search"}
"""Short names of kinds."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """``kb setup`` and ``kb migrate``."""
    setup = commands.add_parser("setup", help="make what a vector store needs", description=SETUP,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_store(setup)
    setup.add_argument("--dim", type=_dim, metavar="N",
                       help="numbers of a vector (default: those of the collection, or of the configured model)")
    setup.add_argument("--documents", type=Path, metavar="FOLDER", help="what Azure's integrated vectorisation is fed")
    setup.set_defaults(kb_run=_setup)
    migrate = commands.add_parser("migrate", help="a collection into a vector store", description=MIGRATE,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_store(migrate)
    migrate.add_argument("--source", metavar="STORE", default="local",
                         help="where the passages are: local (default), or another vector store")
    migrate.add_argument("--prune", action="store_true", help="remove from the store what the source does not have")
    migrate.set_defaults(kb_run=_migrate)


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backend", "--store", required=True, metavar="STORE",
                        help="an entry of vector_stores:, by name or kind")
    collection.add_source(parser)


def _dim(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text}: a number from 2 to 65535")
    return int(text)


def store_named(config: "Config", wanted: str) -> str:
    """The entry of ``vector_stores:`` that is called so, or the only one of that kind. Raises ``KnowledgeError``."""
    from engine.knowledge.errors import KnowledgeError

    entries = config.vector_stores
    if wanted in entries:
        return wanted
    kind = KINDS.get(wanted, wanted)
    of_kind = [name for name, options in entries.items() if options.kind == kind]
    if len(of_kind) == 1:
        return of_kind[0]
    if of_kind:
        raise KnowledgeError(f"--backend {wanted}: several entries of vector_stores: are of this kind; name one of "
                             f"them: {', '.join(of_kind)}")
    known = ", ".join(entries)
    raise KnowledgeError(f"--backend {wanted}: vector_stores: has no such entry; " + (
        f"there are: {known}" if known else "there is none. Describe it in the configuration and give that with "
        "--config (docs/operator/vector-stores.md)"))


def _setup(args: argparse.Namespace) -> int:
    from engine.knowledge.errors import KnowledgeError
    from engine.knowledge.vectorstores.setup import prepare

    config = collection.load(args.config)
    name = store_named(config, args.backend)
    if args.documents and not args.documents.is_dir():
        raise KnowledgeError(f"--documents {args.documents}: there is no such folder")
    ready = prepare(config.vector_stores[name], args.collection or config.knowledge.collection,
                    _dimension(args, config, name), documents=args.documents, name=name, progress=print)
    print(f"{ready.store} can be used. It holds {ready.points} passages.")
    if not ready.integrated:
        print(f"Fill it with: trunkline kb migrate --backend {name}")
    return 0


def _dimension(args: argparse.Namespace, config: "Config", name: str) -> int:
    """Of the vectors that will come. A store that embeds by itself has its own."""
    from engine.config.vectorstores import AzureSearchOptions
    from engine.knowledge.errors import CollectionMissing, KnowledgeError
    from engine.knowledge.inventory import overview
    from engine.offhub import off_hub

    options = config.vector_stores[name]
    if isinstance(options, AzureSearchOptions) and options.integrated.openai_url:
        return options.integrated.dims
    if args.dim:
        return int(args.dim)
    try:
        dim: int = off_hub(overview, args.collection or config.knowledge.collection).dim
    except CollectionMissing:
        dim = 0
    if dim:
        return dim
    model = collection.model_of(config)
    if model is None:
        raise KnowledgeError("which length vectors will have is not known: the collection has none, and there is no "
                             "embedding model. Give --dim, or see docs/operator/embeddings.md")
    return model.dim


def _migrate(args: argparse.Namespace) -> int:
    from engine.knowledge.collections import folder_of
    from engine.knowledge.errors import KnowledgeError
    from engine.knowledge.inventory import overview
    from engine.knowledge.store import Store
    from engine.knowledge.vectorstores.local import points_of
    from engine.knowledge.vectorstores.migrate import migrate
    from engine.knowledge.vectorstores.setup import open_named
    from engine.offhub import off_hub

    config = collection.load(args.config)
    name = args.collection or config.knowledge.collection
    target_name = store_named(config, args.backend)
    source_name = "local" if args.source == "local" else store_named(config, args.source)
    if source_name == target_name:
        raise KnowledgeError(f"--source {args.source}: that is where the passages are to go")
    target = open_named(target_name, config, name)
    local = Store(folder_of(name))
    source = None if source_name == "local" else open_named(source_name, config, name)
    try:
        if source is not None:
            total, points = source.count(), source.scan()
        else:
            brief = off_hub(overview, name)
            if not brief.model:
                raise KnowledgeError(f"collection '{name}' has no vectors: install or configure an embedding model "
                                     f"(docs/operator/embeddings.md), then trunkline ingest PATH --collection {name}")
            total, points = brief.passages, points_of(local, brief.model)
        with _bar(total) as progress:
            done = migrate(points, target, progress, prune=args.prune)
    finally:
        local.close()
        target.close()
        if source is not None:
            source.close()
    print(f"{target.name}: {done.progress.written} passages written, {done.progress.kept} were there already"
          + (f", {done.progress.removed} removed" if args.prune else "") + f". It holds {done.count}.")
    if done.extra > 0:
        print(f"{done.extra} of them are not from this collection; --prune removes them.")
    if config.knowledge.store != target_name:
        print(f"To search there, set knowledge.store: {target_name}")
    return 0


@contextmanager
def _bar(total: int) -> "Iterator[Callable[[Progress], None]]":
    """Passages that were looked at, on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f} passages, "
                                       "{task.fields[written]} written"))
    # Refreshed by hand: rich's own refreshing thread has no place among greenlets.
    with Bars(*columns, console=Console(stderr=True), auto_refresh=False) as bars:
        task = bars.add_task("", total=total, written=0)

        def show(done: "Progress") -> None:
            bars.update(task, completed=done.read, written=done.written)
            bars.refresh()

        yield show
